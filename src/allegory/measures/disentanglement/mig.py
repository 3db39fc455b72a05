"""Mutual information gap: is each factor told by one code alone? Chen et al. (2018, arXiv:1802.04942), equation 6.

    MIG = mean over factors k of (I(z_(1); v_k) - I(z_(2); v_k)) / H(v_k)

with z_(1), z_(2) the two codes that tell most of v_k, binned into 20 equal widths as in disentanglement_lib (Locatello et al. 2019).
1: one code tells all of each factor and no other anything. On few items or small grids the bins tell less (a factor of 32 values in 20
bins) and chance more, so that perfect codes stay below 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num

from allegory.measures.disentanglement.factored import Factored, some
from allegory.measures.disentanglement.information import binned, entropies, mutual_information


@dataclass(frozen=True, eq=False)
class Gap:
    """`score`: the mean of `gaps` (f,) over factors; `matrix` (z, f): what each code tells of each factor; `columns`: of which factors."""

    score: float
    gaps: Float[np.ndarray, " f"]
    matrix: Float[np.ndarray, "z f"]
    columns: tuple[int, ...]


def mig(factors: Num[np.ndarray, "n f"], codes: Float[np.ndarray, "n z"], rng: np.random.Generator) -> Gap:
    """MIG in [0, 1] of at most 10,000 items; the matrix holds I(z_i; v_k) / H(v_k).

    Factors of one value are left out, and so are items whose factor is unknown, for that factor. Raises `Problem` for fewer than 2 codes.
    """
    data = Factored.of(factors, codes, "MIG", least=(1, 2))
    rows = some(len(data), rng)
    told = mutual_information(binned(data.codes[rows]), data.factors[rows])
    return gap_of(told / np.maximum(entropies(data.factors[rows]), 1e-12), data.columns)


def gap_of(matrix: Float[np.ndarray, "z f"], columns: tuple[int, ...]) -> Gap:
    """How far the best code of each factor is ahead of the next."""
    ordered = np.sort(matrix, axis=0)
    gaps = ordered[-1] - ordered[-2]
    return Gap(float(gaps.mean()), gaps, matrix, columns)
