"""Map-style data sets of torch (and of Hugging Face), read once, item by item, into an array."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from allegory.core import Problem
from allegory.data import decode
from allegory.data.arrays import Channels, Missing, open_array
from allegory.data.decode import Bad
from allegory.data.found import Found
from allegory.data.images import bar, common, grey_if_all, room
from allegory.data.source import Skipped

X_KEYS = ("image", "img", "pixel_values", "x", "input", "inputs", "features", "data")
Y_KEYS = ("label", "labels", "y", "target", "fine_label", "class")
SAMPLE = 100


def open_dataset(
    dataset: Any, aside: Sequence[str] = (), *,
    name: str = "", size: int | None = None, channels: Channels | None = None, missing: Missing | None = None, levels: int | None = None,
) -> Found:  # fmt: skip
    """Items that are tensors, arrays or PIL images, or (item, label) pairs, or dicts with an image and a label."""
    del aside
    name = name or type(dataset).__name__
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise Problem(f"{name}: expected a map-style data set, with a length and items by number; this one can only be iterated")
    pictures, convert, like = _form(dataset, name, size)
    x = room((len(dataset), *like.shape), like.dtype)
    used, labels, skipped = _fill(x, dataset, convert)
    x = x[: len(used)]
    if pictures:
        found = open_array(grey_if_all(x), name=name, channels="first", levels=256)
    else:
        found = open_array(x, name=name, channels=channels, missing=missing, levels=levels)
    kept = np.arange(len(used)) if found.used is None else found.used
    rows = np.array(used)[kept]
    source = replace(
        found.source, ids=[str(i) for i in rows], skipped=(*skipped, *found.source.skipped),
        notes=("items are read once, so random transforms of the data set are frozen", *found.source.notes),
    )  # fmt: skip
    known = [labels[i] for i in kept]
    return Found(source, labels=known if any(v is not None for v in known) else None, used=rows)


def _form(dataset: Any, name: str, size: int | None) -> tuple[bool, Callable[[Any], np.ndarray], np.ndarray]:
    """Whether the items are pictures, how an observation becomes an array, and one such array. Judged by the first items that load."""
    reason = "it is empty"
    seen = []
    for i in range(min(SAMPLE, len(dataset))):
        try:
            seen.append(_halves(dataset[i])[0])
        except Exception as e:  # somebody else's code reads the items
            reason = _short(e)
        if seen and not isinstance(seen[0], Image.Image):
            break
    if not seen:
        raise Problem(f"{name}: none of its first items can be read: {reason}")
    first = seen[0]
    if isinstance(first, Image.Image):
        side = size or common([min(picture.size) for picture in seen if isinstance(picture, Image.Image)])
        return True, lambda item: _picture(item, side), np.empty((3, side, side), np.uint8)
    try:
        like = _numbers(first)
    except Bad as e:
        raise Problem(f"{name}: {e}; expected items that are tensors, arrays or PIL images") from None
    return False, lambda item: _numbers(item, like.shape), like


def _fill(x: np.ndarray, dataset: Any, convert: Callable[[Any], np.ndarray]) -> tuple[list[int], list[Any], list[Skipped]]:
    """Writes the items into `x`, one after the other; the numbers and labels of those that could be read, and the others."""
    used: list[int] = []
    labels: list[Any] = []
    skipped: list[Skipped] = []
    with decode.quiet(), bar(len(dataset), "reading items") as progress:
        for i in range(len(dataset)):
            progress.update()
            try:
                item, label = _halves(dataset[i])
                x[len(used)] = convert(item)
            except Exception as e:  # as above: an item that cannot be read is left out, with its reason
                skipped.append(Skipped(str(i), _short(e)))
                continue
            used.append(i)
            labels.append(label)
    return used, labels, skipped


def _halves(item: Any) -> tuple[Any, Any]:
    """The observation and the label (None where there is none that could be a class) of an item."""
    label = None
    if isinstance(item, Mapping):
        x = next((item[key] for key in X_KEYS if key in item), None)
        if x is None:
            raise Bad(f"its items have the keys {', '.join(map(str, item))}, none of them {', '.join(X_KEYS[:4])} ...")
        item, label = x, next((item[key] for key in Y_KEYS if key in item), None)
    elif isinstance(item, (tuple, list)) and item and not isinstance(item[0], (int, float)):
        item, label = item[0], item[1] if len(item) > 1 else None
    scalar = label is None or isinstance(label, (int, float, str)) or getattr(label, "size", lambda: ())() in ((), 1, torch.Size([]))
    return item, label if scalar else None


def _picture(item: Any, side: int) -> np.ndarray:
    if not isinstance(item, Image.Image):
        raise Bad(f"a {type(item).__name__} among images")
    return decode.pixels(item, (side, side), 3)


def _numbers(item: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    array = item.detach().cpu().numpy() if isinstance(item, torch.Tensor) else np.asarray(item)
    if array.dtype.kind not in "buif" or not array.ndim:
        raise Bad(f"its items are of type {type(item).__name__}")
    if shape is not None and array.shape != shape:
        raise Bad(f"shape {array.shape} instead of {shape}")
    return array


def _short(e: Exception) -> str:
    return " ".join(str(e).split())[:150] or type(e).__name__
