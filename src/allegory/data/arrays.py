"""Arrays of numbers, in memory or mapped from disk. Says how it read the axes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch

from allegory.core import Array, Misuse, Parts, Problem
from allegory.data.found import Found
from allegory.data.leaves import Rows, let_go
from allegory.data.source import CHUNK_BYTES, Skipped, Source

Missing = Literal["impute", "drop", "keep"]
Channels = Literal["first", "last"]
COLOURS = (1, 2, 3, 4)
THIN = 16  # images that are wider than so many times their height are asked about: they may be series
# What torch cannot index or move on every device, and what takes its place.
WIDER = {"bool": "uint8", "uint16": "int32", "uint32": "int64", "uint64": "float64"}


def open_array(
    x: Any, aside: Sequence[str] = (), *,
    name: str = "array", channels: Channels | None = None, series: bool = False, missing: Missing | None = None, levels: int | None = None,
) -> Found:  # fmt: skip
    """(n, d) vectors, or (n, h, w), (n, h, w, c), (n, c, h, w) images, of any real numbers; with `series` (n, t) or (n, c, t) series.

    `channels`: where the channels are, when the shape leaves it open. `levels`: the pixels are whole numbers below it. `missing`: what to
    do with items that hold NaN or infinity: "impute" (vectors: the mean of the training part), "drop", or "keep" for methods that read
    holes (others impute vectors and refuse images); None keeps vectors and refuses images.
    """
    del aside
    array = _numbers(x, name)
    array, notes = _series(array, name) if series else _axes(array, name, channels)
    depth = _levels(array, name, levels) if array.ndim == 4 else None
    if depth is not None and depth != 256:
        notes.append(f"pixels are whole numbers from 0 to {depth - 1}; if not, say levels=")
    bad = _not_finite(array)
    if bad.any():
        notes.append(_said(bad, array, name, missing))
    holes = bool(bad.any()) and missing in (None, "keep")
    used = np.flatnonzero(bad == 0) if missing == "drop" and bad.any() else None
    skipped = [] if used is None else [Skipped(str(i), "NaN or infinite values") for i in np.flatnonzero(bad)]
    source = Source(
        name=name, spec=Array(tuple(array.shape[1:]), depth, holes), x=_leaf(array, used),
        ids=None if used is None else [str(i) for i in used],
        mirror=array.ndim == 4 and array.shape[1] == 3, notes=tuple(notes), skipped=tuple(skipped),
    )  # fmt: skip
    return Found(source, used=used)


def open_parts(data: Mapping[str, Any], aside: Sequence[str] = (), *, missing: Literal["impute"] = "impute") -> Found:
    """Several arrays by name, one item a row in each."""
    found = {str(key): open_array(value, aside, name=str(key), missing=missing).source for key, value in data.items()}
    if not found:
        raise Problem("expected arrays by name, got an empty dictionary")
    notes = tuple(f"{key}: {note}" for key, source in found.items() for note in source.notes)
    return Found(Source("parts", Parts({k: s.spec for k, s in found.items()}), {k: s.x for k, s in found.items()}, notes=notes))


def _numbers(x: Any, name: str) -> np.ndarray:
    """`x` as an array of real numbers, a view wherever that is possible."""
    if isinstance(x, np.ma.MaskedArray):
        raise Problem(f"{name}: masked arrays lose their mask here; fill it, for instance x.filled(numpy.nan)")
    if isinstance(x, torch.Tensor):
        if x.layout is not torch.strided or x.is_quantized:
            raise Problem(f"{name}: expected a dense tensor, got {x.layout}; call .to_dense() or .dequantize() first")
        x = x.detach().cpu()
        x = (x.float() if x.dtype == torch.bfloat16 else x).numpy()
    array = x if isinstance(x, np.ndarray) else np.asarray(x)
    if array.dtype.kind not in "buif":
        hint = "; save plain numbers, for instance x.astype(float)" if array.dtype.kind == "O" else ""
        raise Problem(f"{name}: expected real numbers, got an array of {array.dtype}{hint}")
    if array.ndim and not len(array):
        raise Problem(f"{name}: the array is empty, shape {array.shape}")
    return array


def _axes(array: np.ndarray, name: str, channels: Channels | None) -> tuple[np.ndarray, list[str]]:
    """`array` as (n, d) or (n, c, h, w), and how its axes were read."""
    if channels not in (None, "first", "last"):
        raise Misuse(f"channels: expected 'first' or 'last', got {channels!r}")
    shape = array.shape
    if 0 in shape:
        raise Problem(f"{name}: items of shape {shape[1:]} hold no numbers")
    if array.ndim == 2:
        return array, []
    if array.ndim == 3:
        thin = "; if they are series (n, channels, time), say series=True" if THIN * shape[1] <= shape[2] else ""
        return array[:, None], [f"shape {shape} read as grey images (n, h, w){thin}"]
    if array.ndim != 4:
        raise Problem(f"{name}: expected (n, d), (n, h, w), (n, h, w, c) or (n, c, h, w), got shape {shape}")
    where, why = (channels, "as you said") if channels else _guess(shape, name)
    if where == "last":
        return array.transpose(0, 3, 1, 2), [f"shape {shape} read as images (n, h, w, c), {why}"]
    return array, [f"shape {shape} read as images (n, c, h, w), {why}"]


def _series(array: np.ndarray, name: str) -> tuple[np.ndarray, list[str]]:
    """`array` as (n, c, t), and how its axes were read."""
    shape = array.shape
    if array.ndim not in (2, 3) or 0 in shape:
        raise Problem(f"{name}: expected series (n, t) or (n, channels, t), got shape {shape}")
    array = array[:, None] if array.ndim == 2 else array
    return array, [f"shape {shape} read as series of {array.shape[1]} channels and {array.shape[2]} times"]


def _guess(shape: tuple[int, ...], name: str) -> tuple[Channels, str]:
    """Where the channels of (n, a, b, c) are: an end with 1 to 4 values, or the clearly smallest end."""
    first, last = shape[1], shape[3]
    if (first in COLOURS) != (last in COLOURS):
        return ("first", "the first axis has few values") if first in COLOURS else ("last", "the last axis has few values")
    if first in COLOURS:
        return ("last" if last in (1, 3, 4) and first == 2 else "first"), "though the other end is short too; if not, say channels='last'"
    smallest = sorted(shape[1:])
    if smallest[0] < smallest[1] and smallest[0] in (first, last):
        return ("first" if first == smallest[0] else "last"), "the shortest axis; if not, say channels="
    raise Problem(f"{name}: where are the channels in shape {shape}? Say channels='first' or channels='last'")


def _chunks(array: np.ndarray) -> Iterator[slice]:
    """All rows, some MiB at a time; of a mapped file no more than these stay in memory."""
    step = max(1, CHUNK_BYTES // max(1, array[0].nbytes))
    for i in range(0, len(array), step):
        yield slice(i, i + step)
        let_go(array)


def _levels(array: np.ndarray, name: str, levels: int | None) -> int | None:
    """How many levels the pixels have: 256 for 8 bits, fewer when all values are below 32; None for real numbers and deep integers."""
    if levels is None and array.dtype.name not in ("uint8", "bool"):
        return None
    low = min(int(array[rows].min()) for rows in _chunks(array))
    high = max(int(array[rows].max()) for rows in _chunks(array))
    if levels is None:
        return max(2, high + 1) if high < 32 else 256
    if array.dtype.kind not in "bui" or low < 0 or high >= levels:
        raise Misuse(f"levels={levels}: {name} holds {array.dtype} from {low} to {high}; expected whole numbers from 0 to {levels - 1}")
    return levels


def _not_finite(array: np.ndarray) -> np.ndarray:
    """(n,) int: how many values of each item are NaN or infinite."""
    bad = np.zeros(len(array), dtype=np.int64)
    if array.dtype.kind == "f":
        for rows in _chunks(array):
            bad[rows] = (~np.isfinite(array[rows])).reshape(len(bad[rows]), -1).sum(1)
    return bad


def _said(bad: np.ndarray, array: np.ndarray, name: str, missing: Missing | None) -> str:
    """What was done about values that are NaN or infinite; raises `Problem` where nothing can be."""
    check_missing(missing)
    count = f"{int((bad > 0).sum())} of {len(bad)} items hold {int(bad.sum())} values that are NaN or infinite"
    if missing == "drop":
        return f"{count}; they are left out"
    if missing == "keep" or (missing is None and array.ndim != 4):
        other = "others do not take them" if array.ndim == 4 else "to others each becomes the mean of its feature"
        return f"{count}; methods that read holes learn from the rest, {other} (or leave the items out with missing='drop')"
    if array.ndim == 4:
        raise Problem(
            f"{name}: {count}. Images cannot be imputed: leave those items out with missing='drop', or keep the holes with missing='keep' "
            "for a method that reads them, such as al.VAE"
        )
    return f"{count}; each becomes the mean of its feature (or leave the items out with missing='drop')"


def check_missing(missing: Missing | None) -> None:
    """Raises `Misuse` for what is none."""
    if missing not in (None, "impute", "drop", "keep"):
        raise Misuse(f"missing: expected 'impute', 'drop' or 'keep', got {missing!r}")


def _leaf(array: np.ndarray, used: np.ndarray | None) -> Any:
    """The array as it can be moved to torch, and only the rows used."""
    dtype = np.dtype(WIDER.get(array.dtype.name, "float64" if array.dtype.itemsize > 8 else array.dtype)).newbyteorder("=")
    return array if used is None and dtype == array.dtype and array.dtype.isnative else Rows(array, used, dtype)
