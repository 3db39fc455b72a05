"""Many images, decoded side by side into one uint8 array of a common size."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from tqdm import tqdm

from allegory.core import Misuse, Problem
from allegory.data import decode
from allegory.data.decode import Bad, Header
from allegory.data.source import Skipped

LARGEST = 64
IN_MEMORY_BYTES = 2 << 30
BLOCK = 1024
Picture = Path | Image.Image
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Decoded:
    """`x` (n, c, h, w) uint8, `used` (n,) the numbers of the inputs they come from, and the inputs left out."""

    x: np.ndarray
    used: np.ndarray
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]

    @property
    def colour(self) -> bool:
        return self.x.shape[1] == 3


def decode_all(
    items: Sequence[Picture], ids: Sequence[str], size: int | tuple[int, int] | None = None, channels: int | None = None
) -> Decoded:
    """Decodes images to a common size: `size` pixels a side, or the median short side up to 64; grey when all of them are grey."""
    height, width = _size(size)
    if channels not in (None, 1, 3):
        raise Misuse(f"channels: expected 1 (grey) or 3 (colour), got {channels}")
    with decode.quiet():
        skipped: dict[int, str] = {}
        headers: dict[int, Header] = {}
        for i, found in enumerate(_each(decode.header, items, "reading")):
            if isinstance(found, Bad):
                skipped[i] = str(found)
            else:
                headers[i] = found
        if not height:
            height = width = common([min(h.width, h.height) for h in headers.values()])
        depth = channels or (1 if all(h.grey for h in headers.values()) else 3)
        x, used = _pixels(items, list(headers), (height, width), depth, skipped)
    notes = [f"images resized to {height} x {width} (short side, middle part kept)" + ("" if size else "; choose with size=")]
    if depth == 3 and channels is None:
        x = grey_if_all(x)
    lost = tuple(Skipped(ids[i], skipped[i]) for i in sorted(skipped))
    return Decoded(x, used, lost, tuple(notes))


def _size(size: int | tuple[int, int] | None) -> tuple[int, int]:
    height, width = (size, size) if not isinstance(size, tuple) else size
    if size is not None and not all(isinstance(s, int) and 4 <= s <= 2048 for s in (height, width)):
        raise Misuse(f"size: expected whole numbers from 4 to 2048 (pixels), got {size!r}")
    return height or 0, width or 0


def common(short_sides: Sequence[int]) -> int:
    """The size that suits most: the median short side, between 8 and LARGEST."""
    return int(np.clip(np.median(short_sides), 8, LARGEST)) if short_sides else LARGEST


def _pixels(
    items: Sequence[Picture], good: list[int], size: tuple[int, int], channels: int, skipped: dict[int, str]
) -> tuple[np.ndarray, np.ndarray]:
    """(n, channels, *size) of the items that decode, and their numbers; the others are added to `skipped`."""
    x = room((len(good), channels, *size))
    used: list[int] = []
    found = _each(lambda item: decode.pixels(item, size, channels), [items[i] for i in good], "decoding")
    for i, image in zip(good, found, strict=True):
        if isinstance(image, Bad):
            skipped[i] = str(image)
        else:
            x[len(used)] = image
            used.append(i)
    return x[: len(used)], np.array(used, dtype=np.int64)


def _each(work: Callable[[Picture], T], items: Sequence[Picture], what: str) -> Iterator[T | Bad]:
    """`work` on every item, in threads (PIL lets go of the interpreter while it decodes), a block at a time; in order."""

    def tried(item: Picture) -> T | Bad:
        try:
            return work(item)
        except Bad as e:
            return e

    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool, bar(len(items), f"{what} images") as progress:
        for start in range(0, len(items), BLOCK):
            for result in pool.map(tried, items[start : start + BLOCK]):
                progress.update()
                yield result


def grey_if_all(x: np.ndarray) -> np.ndarray:
    """(n, 1, h, w) of (n, 3, h, w) when the three channels are equal everywhere; else `x`."""
    chunks = (x[i : i + BLOCK] for i in range(0, len(x), BLOCK))
    return x[:, :1] if all((c[:, :1] == c[:, 1:]).all() for c in chunks) else x


def bar(total: int, what: str) -> "tqdm[None]":
    """A progress bar, on a terminal only."""
    return tqdm(total=total, desc=what, disable=None, leave=False, delay=1.0)


def room(shape: tuple[int, ...], dtype: np.dtype | type = np.uint8) -> np.ndarray:
    """An empty array; above IN_MEMORY_BYTES it is mapped onto a temporary file that vanishes with it."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY_BYTES:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size) if hasattr(os, "posix_fallocate") else file.truncate(size)
        except OSError as e:
            where = tempfile.gettempdir()
            raise Problem(f"the decoded data needs {size / 1e9:.1f} GB in {where}: {e.strerror}; set TMPDIR to a larger folder") from e
        return np.memmap(file, dtype, "r+", shape=shape)
