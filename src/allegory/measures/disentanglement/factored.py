"""Factors beside codes, as the disentanglement measures take them: whole numbers, -1 where unknown, and only factors that vary.

Factors may be class numbers (integers, negative where unknown) or floats (NaN where unknown). A float factor with at most 20 values is
taken as classes; with more it is continuous, and is binned into 20 equal widths for every measure but SAP, which then takes the squared
correlation. Of correlated factors every measure is defined, but the truth itself no longer reaches the top: see `dependence`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from allegory.core import Problem
from allegory.measures.disentanglement.information import BINS, binned, entropies, mutual_information

TRAIN_POINTS, TEST_POINTS = 10_000, 5_000
Parts = tuple[Int[np.ndarray, " t"], Int[np.ndarray, " q"]]


@dataclass(frozen=True, eq=False)
class Factored:
    """`factors` (n, f) from 0 to their size - 1, -1 where unknown; `codes` (n, z) float64; `sizes` (f,), all at least 2; `columns`: where
    each factor stood; `continuous` (f,): which were binned, with their values in `values` (n, f)."""

    factors: Int[np.ndarray, "n f"]
    codes: Float[np.ndarray, "n z"]
    sizes: tuple[int, ...]
    columns: tuple[int, ...]
    continuous: Bool[np.ndarray, " f"]
    values: Float[np.ndarray, "n f"]

    def __len__(self) -> int:
        return len(self.codes)

    @staticmethod
    def of(factors: Num[np.ndarray, "n f"], codes: Float[np.ndarray, "n z"], measure: str, least: tuple[int, int] = (1, 1)) -> "Factored":
        """Raises `Problem` for codes that are not finite and for fewer factors that vary, or fewer codes, than the `least` of each that
        `measure` is defined for."""
        if bad := int((~np.isfinite(codes)).any(1).sum()):
            raise Problem(f"{measure}: the codes of {bad} of {len(codes)} items are NaN or infinite")
        classes = [_classes(column) for column in factors.T]
        kept = tuple(j for j, (_, size, _) in enumerate(classes) if size > 1)
        if len(kept) < least[0]:
            raise Problem(f"{measure} is defined for {_several(least[0], 'factor')} that take two values or more; there are {len(kept)}")
        if codes.shape[1] < least[1]:
            raise Problem(f"{measure} compares codes, so it takes {_several(least[1], 'code')}; there is {codes.shape[1]}")
        return Factored(
            np.stack([classes[j][0] for j in kept], 1), codes.astype(np.float64), tuple(classes[j][1] for j in kept), kept,
            np.array([classes[j][2] for j in kept]), factors[:, kept].astype(np.float64),
        )  # fmt: skip

    def known(self, j: int) -> Bool[np.ndarray, " n"]:
        """The items whose factor j is known."""
        return self.factors[:, j] >= 0


def parts_of(n: int, rng: np.random.Generator) -> Parts:
    """10,000 items to learn from and 5,000 others to measure on; two thirds and one third of fewer than 15,000."""
    order = rng.permutation(n)
    train = min(TRAIN_POINTS, -(-2 * n // 3))
    return np.sort(order[:train]), np.sort(order[train : train + TEST_POINTS])


def some(n: int, rng: np.random.Generator, most: int = TRAIN_POINTS) -> Int[np.ndarray, " m"]:
    """At most `most` of n items, all of them when there are no more."""
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


def dependence(factors: Num[np.ndarray, "n f"]) -> Float[np.ndarray, "f f"]:
    """The mutual information of every two factors over the smaller of their entropies: 0 for independent ones, 1 where one tells the other.

    NaN for a factor of one value. Items where either is unknown are left out.
    """
    f = factors.shape[1]
    classes = np.stack([_classes(column)[0] for column in factors.T], 1)
    share = np.full((f, f), np.nan)
    for i in range(f):
        both = classes[classes[:, i] >= 0]
        shared, h = mutual_information(both[:, [i]], both)[0], entropies(both)
        least = np.minimum(h[i], h)
        share[i] = np.where(least > 0, shared / np.where(least > 0, least, 1.0), np.nan)
    return share


def _classes(column: Num[np.ndarray, " n"]) -> tuple[Int[np.ndarray, " n"], int, bool]:
    """Class numbers from 0, -1 where unknown; how many there are; and whether the factor is continuous."""
    whole = np.issubdtype(column.dtype, np.integer)
    known = column >= 0 if whole else np.isfinite(column)
    names, numbers = np.unique(column[known], return_inverse=True)
    continuous = not whole and len(names) > BINS
    found = np.full(len(column), -1, dtype=np.int64)
    found[known] = np.unique(binned(column[known, None])[:, 0], return_inverse=True)[1] if continuous else numbers
    return found, int(found.max(initial=-1)) + 1, continuous


def _several(n: int, what: str) -> str:
    return f"at least {n} {what}s" if n > 1 else f"a {what}"
