"""Looks items up by their generative factors, so that what an intervention would show is read off items that are encoded already."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int


@dataclass(frozen=True, eq=False)
class Lattice:
    """The items of a grid of factors with these `sizes`, by place. The first of several items at one place stands for it."""

    sizes: tuple[int, ...]
    keys: Int[np.ndarray, " m"]
    items: Int[np.ndarray, " m"]

    @staticmethod
    def of(values: Int[np.ndarray, "n f"], sizes: tuple[int, ...]) -> "Lattice":
        """`values`: the factors of n items, each below its size."""
        keys, items = np.unique(_key(values, sizes), return_index=True)
        return Lattice(sizes, keys, items.astype(np.int64))

    def find(self, values: Int[np.ndarray, "*b f"]) -> Int[np.ndarray, "*b"]:
        """The item at each place, -1 where there is none."""
        wanted = _key(values, self.sizes)
        at = np.searchsorted(self.keys, wanted).clip(max=len(self.keys) - 1)
        return np.where(self.keys[at] == wanted, self.items[at], -1)

    def with_each(self, values: Int[np.ndarray, "m f"], factor: int) -> Int[np.ndarray, "s m"]:
        """do(factor = c) for each of its s values: the items like these m but for that factor, -1 where there is none."""
        changed = np.repeat(values[None], self.sizes[factor], axis=0)
        changed[:, :, factor] = np.arange(self.sizes[factor])[:, None]
        return self.find(changed)


def _key(values: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(values, -1, 0)), sizes), dtype=np.int64)
