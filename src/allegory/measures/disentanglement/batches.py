"""Batches of items that share the value of one factor, drawn from items that are encoded already.

The papers draw new images for chosen factor values; with a finite set of items the same draw is: take a random item, then others that
have its value of the factor. It is the same distribution when the items cover the factors evenly; where factors are correlated among
the items, what is held still takes others with it, and the scores of the truth fall as they should.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from allegory.core import Problem
from allegory.measures.disentanglement.factored import Factored

BATCH = 64
BATCH_NUMBERS = 1 << 23  # numbers gathered at once


@dataclass(frozen=True, eq=False)
class Mates:
    """For one factor: the items in the order of their values, and the place where each value begins and ends."""

    order: Int[np.ndarray, " m"]
    starts: Int[np.ndarray, " k"]
    ends: Int[np.ndarray, " k"]

    @staticmethod
    def of(y: Int[np.ndarray, " n"]) -> "Mates | None":
        """Values that two items or more have; None where there are no two such values."""
        sizes = np.bincount(y[y >= 0])
        often = np.flatnonzero(sizes > 1)
        if len(often) < 2:
            return None
        known = np.flatnonzero(np.isin(y, often))
        order = known[np.argsort(y[known], kind="stable")]
        ends = np.cumsum(sizes[often])
        return Mates(order, ends - sizes[often], ends)

    def draw(self, batches: int, size: int, rng: np.random.Generator) -> Int[np.ndarray, "m b"]:
        """`size` items of one value a row; a value comes as often as it has items. With replacement."""
        value = self.values(rng.integers(0, len(self.order), batches))
        return self.of_values(np.broadcast_to(value[:, None], (batches, size)), rng)

    def values(self, places: Int[np.ndarray, "*m"]) -> Int[np.ndarray, "*m"]:
        """Which value the item at a place in `order` has."""
        return np.searchsorted(self.ends, places, side="right")

    def of_values(self, value: Int[np.ndarray, "*m"], rng: np.random.Generator) -> Int[np.ndarray, "*m"]:
        """A random item of each value."""
        return np.asarray(self.order[rng.integers(self.starts[value], self.ends[value])])

    def pairs(self, batches: int, size: int, rng: np.random.Generator) -> Int[np.ndarray, "2 m b"]:
        """`size` pairs a row; the two of a pair share the value, another pair may have another."""
        places = rng.integers(0, len(self.order), (batches, size))
        return np.stack([self.order[places], self.of_values(self.values(places), rng)])


def mates_of(data: Factored, measure: str) -> dict[int, Mates]:
    """For every factor that can be held still, by its place in `data`. Raises `Problem` when there are fewer than two."""
    found = {j: m for j in range(len(data.sizes)) if (m := Mates.of(data.factors[:, j])) is not None}
    if len(found) < 2:
        raise Problem(f"{measure} holds one of at least 2 factors still, each with two values that two items have; there are {len(found)}")
    return found


def grouped(
    values: Float[np.ndarray, "m b z"], group: Int[np.ndarray, "m b"], groups: int
) -> tuple[Float[np.ndarray, "m g z"], Int[np.ndarray, "m g"]]:
    """The sums of the values over the members of each group in each batch, and how many they are."""
    member = (group[:, None, :] == np.arange(groups)[:, None]).astype(values.dtype)
    return member @ values, member.sum(2).astype(np.int64)
