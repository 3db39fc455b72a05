"""A suite of small tasks of images: those that come with the package, or those that a YAML file lists.

    - source: photos/pets          # anything that `open_source` opens, with labels; paths are seen from the file's folder
      group: natural               # natural, specialised or structured
      name: pets                   # optional: else the source's own name
      labels: folders              # optional: as for learn

Images are brought into the form of those that were learned from: their size (bilinear, averaged down), their colour (grey is repeated,
colour becomes its luminance), their levels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from jaxtyping import Float, Int
from sklearn.datasets import load_sample_image

from allegory.core import Array, Misuse
from allegory.data import Source, open_source
from allegory.questions.corrupted import Scale

GROUPS = ("natural", "specialised", "structured")
KEYS = ("source", "group", "name", "labels")
MOST, FEWEST = 2000, 60
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)
PATCH = 16
SLOPES = (0.0, 0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True, eq=False)
class Task:
    """At most 2,000 labelled images between 0 and 1, in random order; `origin` is the name of the source that they come from."""

    name: str
    group: str
    origin: str
    x: Float[np.ndarray, "n c h w"]
    y: Int[np.ndarray, " n"]

    @property
    def classes(self) -> int:
        return int(self.y.max()) + 1


@lru_cache(maxsize=2)
def tasks(path: str = "") -> tuple[Task, ...]:
    """Those of the file, or the built-in ones for "". Raises `Misuse` or `Problem` for a file that cannot be read."""
    found = tuple(_task(entry, Path(path).parent) for entry in entries(path)) if path else built_in()
    names = [task.name for task in found]
    if len(set(names)) < len(names):
        raise Misuse(f"the suite {path}: two tasks have one name ({', '.join(names)}); give each its own with the key name")
    return found


def entries(path: str) -> list[dict[str, str]]:
    """What the file lists, checked."""
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise Misuse(f"the suite {path} cannot be read as YAML: {' '.join(str(e).split())}") from None
    if not isinstance(found, list) or not found or not all(isinstance(entry, dict) for entry in found):
        raise Misuse(f"the suite {path}: expected a list of tasks with the keys {', '.join(KEYS)}")
    for entry in found:
        if unknown := [str(k) for k in entry if k not in KEYS]:
            raise Misuse(f"the suite {path}: unknown key {', '.join(unknown)}; a task has {', '.join(KEYS)}")
        if not isinstance(entry.get("source"), str) or entry.get("group") not in GROUPS:
            raise Misuse(f"the suite {path}: a task needs a source and a group ({', '.join(GROUPS)}), got {entry}")
    return found


def _task(entry: dict[str, str], folder: Path) -> Task:
    near = folder / entry["source"]
    source = open_source(str(near) if near.exists() else entry["source"], labels=entry.get("labels"))
    if source.labels is None:
        raise Misuse(f"{entry['source']} has no labels; say where they are with the key labels")
    return of_source(source, source.labels.values, entry["group"], str(entry.get("name", source.name)))


def of_source(source: Source, y: Int[np.ndarray, " n"], group: str, name: str) -> Task:
    """A task of a source of images and the classes of its items (-1: unknown)."""
    if not (isinstance(source.spec, Array) and source.spec.is_image):
        raise Misuse(f"the task {name} is of {source.spec}; expected images")
    rows = _rng(name).permutation(np.flatnonzero(y >= 0))[:MOST]
    if len(rows) < FEWEST or len(np.unique(y[rows])) < 2:
        raise Misuse(f"the task {name} needs {FEWEST} labelled items of two classes, it has {len(rows)} of {len(np.unique(y[rows]))}")
    x = np.asarray(source.take(rows)).astype(np.float64)
    scale = Scale.of(source.spec, x)
    return Task(name, group, source.name, (x - scale.low) / max(scale.high - scale.low, 1e-12), np.unique(y[rows], return_inverse=True)[1])


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))


def built_in() -> tuple[Task, ...]:
    """Digits, patches of two photographs, textures, and what there is to tell about sprites."""
    digits = open_source("digits")
    assert digits.labels is not None, "they have labels"
    return (of_source(digits, digits.labels.values, "natural", "digits"), _photographs(), _textures(), *_sprites())


def _photographs() -> Task:
    """Patches of 16 x 16 pixels, side by side without a gap, of a temple and of a flower (the two that come with scikit-learn)."""
    found = []
    for name in ("china.jpg", "flower.jpg"):
        image = load_sample_image(name)
        rows, columns = (n // PATCH for n in image.shape[:2])
        cut = image[: rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH, 3)
        found.append(cut.transpose(0, 2, 4, 1, 3).reshape(-1, 3, PATCH, PATCH))
    y = np.repeat(np.arange(2), [len(f) for f in found])
    order = _rng("photographs").permutation(len(y))[:MOST]
    return Task("photographs", "natural", "photographs", np.concatenate(found)[order] / 255.0, y[order])


def _textures() -> Task:
    """Grey noise of 32 x 32 pixels whose amplitude falls with the frequency f as f^-a, for five a: rough to cloudy."""
    rng = _rng("textures")
    y = rng.integers(0, len(SLOPES), MOST)
    frequency = np.hypot(np.fft.fftfreq(32)[:, None], np.fft.fftfreq(32)[None])
    frequency[0, 0] = 1.0
    x = np.fft.ifft2(np.fft.fft2(rng.standard_normal((MOST, 32, 32))) * frequency ** -np.array(SLOPES)[y, None, None]).real
    x = 0.5 + (x - x.mean((1, 2), keepdims=True)) / (6.0 * x.std((1, 2), keepdims=True))  # three standard deviations to each side
    return Task("textures", "specialised", "textures", np.clip(x, 0.0, 1.0)[:, None], y)


def _sprites() -> Iterator[Task]:
    """Shape, place, and for hearts, which no turn maps onto themselves, orientation."""
    source = open_source("sprites:size=32,scales=3,orientations=8,xs=8,ys=8")
    assert source.factors is not None, "they have factors"
    values = dict(zip(source.factors.names, source.factors.values.T, strict=True))
    hearts = np.where(values["shape"] == 2, values["orientation"], -1)
    for name, y in (("shape", values["shape"]), ("orientation of hearts", hearts), ("x", values["x"]), ("y", values["y"])):
        yield of_source(source, y, "structured", f"sprites, {name}")


def fitted(x: Float[np.ndarray, "n c h w"], shape: tuple[int, ...], scale: Scale, dtype: Any) -> np.ndarray:
    """Images between 0 and 1 as stored images of `shape` (c, h, w) in the range and type of those that `scale` was taken from."""
    images = recoloured(torch.as_tensor(x), shape[0])
    if tuple(images.shape[2:]) != tuple(shape[1:]):
        images = torch.nn.functional.interpolate(images, size=tuple(shape[1:]), mode="bilinear", antialias=True)
    stored = scale.low + images.clamp(0.0, 1.0).numpy() * (scale.high - scale.low)
    return np.asarray((np.rint(stored) if scale.whole else stored).astype(dtype))


def recoloured(x: Float[torch.Tensor, "n c h w"], channels: int) -> Float[torch.Tensor, "n d h w"]:
    """Grey repeated, colour as its luminance, further channels as the mean; equal numbers stay."""
    if x.shape[1] == channels:
        return x
    weights = x.new_tensor(LUMINANCE) if x.shape[1] == 3 else x.new_full((x.shape[1],), 1.0 / x.shape[1])
    grey: torch.Tensor = (x * weights[:, None, None]).sum(1, keepdim=True)
    return grey.expand(-1, channels, -1, -1)
