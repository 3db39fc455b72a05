"""Interventional robustness score: does each code stay where it is when all factors but one change? Suter et al. (2019), arXiv:1811.00007.

For every code l and factor i, over the items of each value of factor i: the 99th percentile of |z_l - its mean there|, averaged over the
values and divided by max |z_l - mean z_l|, is how far the other factors move the code.

    IRS = mean over codes, weighted by their largest deviation, of max over factors of (1 - that share)

As in disentanglement_lib (the paper takes the maximum for the percentile): factors in 20 equal bins, codes that do not vary left out.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Num

from allegory.measures.disentanglement.factored import Factored, some
from allegory.measures.disentanglement.information import binned

PERCENTILE = 99.0


@dataclass(frozen=True, eq=False)
class Robustness:
    """`score`; `codes` (a,): the largest of each row of `matrix` (a, f), for the a `active` codes; `columns`: of which factors."""

    score: float
    codes: Float[np.ndarray, " a"]
    matrix: Float[np.ndarray, "a f"]
    active: Int[np.ndarray, " a"]
    columns: tuple[int, ...]


def irs(
    factors: Num[np.ndarray, "n f"], codes: Float[np.ndarray, "n z"], rng: np.random.Generator, percentile: float = PERCENTILE
) -> Robustness:
    """IRS in [0, 1] of at most 10,000 items; 0 when no code varies. Items whose factor is unknown are left out for that factor."""
    data = Factored.of(factors, codes, "IRS")
    rows = some(len(data), rng)
    z, y = data.codes[rows], data.factors[rows]
    active = np.flatnonzero(z.max(0) > z.min(0))  # the variance of equal numbers need not be 0 in floating point
    if not len(active):
        return Robustness(0.0, np.zeros(0), np.zeros((0, y.shape[1])), active, data.columns)
    z = z[:, active]
    largest = np.abs(z - z.mean(0)).max(0)
    moved = np.stack([_moved(z, y[:, j], percentile) for j in range(y.shape[1])], 1)
    matrix = 1.0 - moved / largest[:, None]
    best = matrix.max(1)
    return Robustness(float(np.average(best, weights=largest)), best, matrix, active, data.columns)


def _moved(z: Float[np.ndarray, "n a"], y: Int[np.ndarray, " n"], percentile: float) -> Float[np.ndarray, " a"]:
    """How far the codes lie from their mean among the items of one value, averaged over the values."""
    known = y >= 0
    value = binned(y[known].astype(np.float64)[:, None])[:, 0]
    groups = [z[known][value == v] for v in np.unique(value)]
    each = [np.percentile(np.abs(g - g.mean(0)), percentile, axis=0) for g in groups]
    return np.asarray(np.mean(each, axis=0))
