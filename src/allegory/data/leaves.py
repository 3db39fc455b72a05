"""Leaves of an observation that are not in memory: made on demand, or some rows of what lies on disk."""

from typing import Any, Protocol

import numpy as np


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
