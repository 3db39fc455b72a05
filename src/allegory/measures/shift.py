"""Does what was read at some values of a factor still hold at its other values?

As in the strong generalisation task of Locatello et al. (2020, arXiv:2002.02886), which trains where one factor has a single value.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from allegory.measures.readers import Reader


@dataclass(frozen=True, eq=False)
class Shift:
    """A split by one factor: a reader trained on `seen` meets only some of its values; one trained on `mixed`, as many items, meets all.
    Both are tested on `unseen`: the items with the values that the first never met."""

    seen: Int[np.ndarray, " t"]
    mixed: Int[np.ndarray, " t"]
    unseen: Int[np.ndarray, " m"]


def split(
    values: Int[np.ndarray, " n"], size: int, train: Int[np.ndarray, " t"], test: Int[np.ndarray, " m"], share: float,
    rng: np.random.Generator, most: int,
) -> Shift:  # fmt: skip
    """Keeps a `share` of the factor's values, drawn by `rng` (at least one, never all); at most `most` training items of either kind."""
    kept = rng.permutation(size)[: min(size - 1, max(1, round(share * size)))]
    of_kept = np.isin(values, kept)
    seen = rng.permutation(train[of_kept[train]])[:most]
    mixed = rng.permutation(train)[: len(seen)]
    return Shift(seen, mixed, test[~of_kept[test]])


def hits(
    z: Float[np.ndarray, "n z"], y: Int[np.ndarray, " n"], shift: Shift, reader: Reader
) -> tuple[Bool[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """Which of the unseen items are read rightly: by the reader of some values, and by the reader of all."""
    right = [reader(z[rows], y[rows])(z[shift.unseen]) == y[shift.unseen] for rows in (shift.seen, shift.mixed)]
    return right[0], right[1]
