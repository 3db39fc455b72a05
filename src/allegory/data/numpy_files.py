"""Files of numpy arrays: .npy stays on disk and is read where it is needed, .npz is read whole. Never a pickle."""

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from allegory.core import Problem
from allegory.data.arrays import Channels, Missing, open_array
from allegory.data.found import Found

X_KEYS = ("x", "data", "images", "features")
Y_KEYS = ("y", "labels", "label", "targets", "target")
UNREADABLE = (ValueError, EOFError, OSError, SyntaxError, KeyError, MemoryError, zipfile.BadZipFile, zipfile.LargeZipFile)


def open_npy(
    path: Path, aside: Sequence[str] = (), *,
    channels: Channels | None = None, series: bool = False, missing: Missing | None = None, levels: int | None = None,
) -> Found:  # fmt: skip
    """An .npy file, memory-mapped."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except UNREADABLE as e:
        raise _unreadable(str(path), e) from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise Problem(f"{path} is an archive of arrays; name it .npz")
    return open_array(array, aside, name=path.stem, channels=channels, series=series, missing=missing, levels=levels)


def open_npz(
    path: Path, aside: Sequence[str] = (), *, x: str | None = None,
    channels: Channels | None = None, series: bool = False, missing: Missing | None = None, levels: int | None = None,
) -> Found:  # fmt: skip
    """An .npz file. The observations are the array `x`, or the one named x, data, images or features, or the only one that is no label.

    x_train and x_test (with y_train, y_test) are taken as the data's own split.
    """
    arrays = _arrays(path)
    arrays, parts = _joined(arrays, path)
    label = next((key for key in arrays if key.lower() in Y_KEYS), "")
    key = x or _observations(arrays, [*aside, label])
    if key not in arrays:
        has = ", ".join(f"{k} {v.shape}" for k, v in arrays.items()) or "nothing"
        raise Problem(f"{path}: which array holds the observations? Say x=NAME, or name it x; the file has {has}")
    found = open_array(arrays[key], aside, name=path.stem, channels=channels, series=series, missing=missing, levels=levels)
    n = len(arrays[key])
    rows = slice(None) if found.used is None else found.used
    beside: dict[str, Any] = {
        k: v[rows] if v.ndim > 1 else v[rows].tolist() for k, v in arrays.items() if k != key and v.ndim in (1, 2) and len(v) == n
    }
    notes = (f"the observations are the array {key!r} of {path.name}", *found.source.notes)
    if parts is not None:
        notes = (*notes, "arrays named train and test are taken as the data's own split")
        parts = parts[rows]
    return replace(found, source=replace(found.source, notes=notes, parts=parts), beside=beside, labels=beside.get(label))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the file, none of them a pickle."""
    arrays = {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            for key in archive.files:
                arrays[key] = archive[key]
    except UNREADABLE as e:
        where = f"{path}" if not isinstance(e, ValueError) else f"{path}, after the arrays {sorted(arrays)}"
        raise _unreadable(where, e) from None
    except (AttributeError, TypeError):  # np.load gave a bare array: an .npy file by another name
        raise Problem(f"{path} is a single array, not an archive; name it .npy") from None
    return arrays


def _observations(arrays: dict[str, np.ndarray], not_these: Sequence[str]) -> str | None:
    named = [key for key in arrays if key.lower() in X_KEYS]
    rest = [key for key in arrays if key not in not_these and arrays[key].ndim > 1]
    return named[0] if named else rest[0] if len(rest) == 1 else None


def _joined(arrays: dict[str, np.ndarray], path: Path) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """x_train, x_val, x_test under one name x (likewise y), and the part (0, 1, 2) of each item; otherwise the arrays as they are."""
    if not {"x_train", "x_test"} <= arrays.keys():
        return arrays, None
    names = [part for part in ("train", "val", "test") if f"x_{part}" in arrays]
    whole = {}
    for key in ("x", "y"):
        pieces = [arrays[f"{key}_{part}"] for part in names if f"{key}_{part}" in arrays]
        if len({piece.shape[1:] for piece in pieces}) > 1:
            raise Problem(f"{path}: {key}_train and {key}_test hold items of different shapes: {', '.join(str(p.shape) for p in pieces)}")
        if len(pieces) == len(names):
            whole[key] = np.concatenate(pieces)
    part_of = [np.full(len(arrays[f"x_{part}"]), {"train": 0, "val": 1, "test": 2}[part]) for part in names]
    return whole, np.concatenate(part_of)


def _unreadable(what: str, e: Exception) -> Problem:
    if "allow_pickle" in str(e):
        return Problem(f"{what} holds Python objects, which are never loaded; save plain numbers, for instance x.astype(float)")
    return Problem(f"{what} cannot be read as numpy arrays: {' '.join(str(e).split())[:150] or type(e).__name__}")
