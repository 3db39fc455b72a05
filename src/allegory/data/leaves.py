"""Leaves of an observation that are not in memory: made on demand, or some rows of what lies on disk."""

import mmap
from typing import Any, Protocol

import numpy as np

TOGETHER = 1024  # rows of a mapped file: the system reads some 64 kB around each


class Lazy(Protocol):
    """An array made on demand: rendered, decoded or read from disk. `keys()` names the content without making it."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __len__(self) -> int: ...

    def __getitem__(self, index: np.ndarray) -> np.ndarray: ...

    def keys(self) -> np.ndarray:
        """(n,) uint64, equal only for equal items."""
        ...


class Rows:
    """The rows `index` of a leaf (all when None), read as `dtype` when they are asked for."""

    def __init__(self, of: Any, index: np.ndarray | None = None, dtype: np.dtype | type | None = None):
        self.of = of
        self.index = index
        self.dtype = np.dtype(dtype or of.dtype)
        self.shape: tuple[int, ...] = (len(of) if index is None else len(index), *of.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        return np.asarray(self.of[index if self.index is None else self.index[index]], dtype=self.dtype)


def file_of(leaf: Any) -> mmap.mmap | None:
    """The file that a leaf is mapped from, read only; None for what is in memory, or could be written to."""
    while isinstance(leaf, Rows):
        leaf = leaf.of
    readable = False
    while isinstance(leaf, np.ndarray):
        readable = readable or (isinstance(leaf, np.memmap) and leaf.mode == "r")
        leaf = leaf.base
    return leaf if readable and isinstance(leaf, mmap.mmap) else None


def rows_of(leaf: Any, index: np.ndarray) -> np.ndarray:
    """The rows at `index`, as an array in memory; of a mapped file no more than these stay there."""
    if file_of(leaf) is None:
        return np.asarray(leaf[index])
    out = np.empty((len(index), *leaf.shape[1:]), leaf.dtype)
    for at in range(0, len(index), TOGETHER):
        out[at : at + TOGETHER] = leaf[index[at : at + TOGETHER]]
        let_go(leaf)
    return out


def let_go(leaf: Any) -> None:
    """Gives back the memory in which the system holds what was read of a mapped file; it is read again when it is asked for again."""
    file = file_of(leaf)
    if file is not None and hasattr(mmap, "MADV_DONTNEED"):
        file.madvise(mmap.MADV_DONTNEED)
