"""Does each factor move a subspace of its own? Disentanglement by symmetry (Higgins et al. 2018, arXiv:1812.02230, definition 2).

The group of changes is a product G = G_1 x ... x G_f, one subgroup a factor. A code is disentangled when its space is a direct sum
Z_1 + ... + Z_f where G_k moves Z_k and leaves the others alone. No axes are named: a rotation of a disentangled code is as good, which no
score of single numbers of the code (MIG, DCI, SAP) would say.

For every factor k, C_k is the second moment of the differences of codes of two items that differ in factor k alone, scaled to trace 1, so
that every factor counts alike. Two scores, each 1 for the definition met and 0 for differences that point everywhere alike:

- `own_share`: direct sum. Whitened by sum_k C_k, subspaces of a direct sum become orthogonal whatever their angles, and each C_k becomes
  a projection P_k, so |P_k|^2 = tr P_k. The share |P_k|^2 / tr P_k of a factor is 1/f when all move everything alike; it is rescaled to
  [0, 1] and averaged over factors.
- `orthogonality`: 1 - the mean cosine of C_k and C_l, tr(C_k C_l) / (|C_k| |C_l|): are the subspaces orthogonal as they are?

Deviates: the definition asks for exactly no movement; real codes have a little everywhere. Directions that together hold the last 1 % of
sum_k C_k are left out of the whitening, which would else blow noise up to the size of signal.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

KEPT = 0.99


@dataclass(frozen=True, eq=False)
class Pairs:
    """Item numbers `a`, `b` of pairs that differ in one factor alone."""

    a: Int[np.ndarray, " p"]
    b: Int[np.ndarray, " p"]


def pairs_of(values: Int[np.ndarray, "n f"], factor: int, most: int, rng: np.random.Generator) -> Pairs:
    """Up to `most` pairs of items that agree in all factors but one and differ in that: one item drawn, then one of its fellows.

    Empty when no two items do, as in small samples of a large lattice or with correlated factors.
    """
    others = np.delete(values, factor, axis=1)
    _, context = np.unique(others, axis=0, return_inverse=True)
    order = np.argsort(context, kind="stable")
    size = np.bincount(context)
    begin = np.cumsum(size) - size
    a = rng.integers(0, len(values), 4 * most)
    b = order[begin[context[a]] + rng.integers(0, size[context[a]])]
    good = np.flatnonzero(values[a, factor] != values[b, factor])[:most]
    return Pairs(a[good], b[good])


def second_moment(steps: Float[np.ndarray, "p z"]) -> Float[np.ndarray, "z z"]:
    """The mean of s s^T over the differences of codes s = z_b - z_a, scaled to trace 1; zero when nothing moves."""
    moment = steps.T @ steps
    total = np.trace(moment)
    return moment / total if total > 0 else moment


def own_share(moments: Float[np.ndarray, "f z z"]) -> Float[np.ndarray, " f"]:
    """Of every factor: the share of what it moves that no other factor moves, in [0, 1]; the score for the direct sum is their mean.

    A factor that moves nothing has 0. NaN with fewer than two factors, or when none moves anything.
    """
    f = len(moments)
    values, axes = np.linalg.eigh(moments.sum(0))
    values, axes = values[::-1], axes[:, ::-1]
    if f < 2 or values[0] <= 0:
        return np.full(f, np.nan)
    rank = 1 + int(np.searchsorted(np.cumsum(values) / values.sum(), KEPT))
    white = axes[:, :rank] / np.sqrt(values[:rank])
    projections = [white.T @ moment @ white for moment in moments]
    shares = np.array([(p * p).sum() / trace if (trace := np.trace(p)) > 0 else 0.0 for p in projections])
    return np.clip((shares - 1.0 / f) / (1.0 - 1.0 / f), 0.0, 1.0)


def overlaps(moments: Float[np.ndarray, "f z z"]) -> Float[np.ndarray, "f f"]:
    """The cosine of C_k and C_l: 0 when the factors move orthogonal subspaces, 1 when they move the same one alike. NaN if one is 0."""
    flat = moments.reshape(len(moments), -1)
    length = np.linalg.norm(flat, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines: np.ndarray = flat @ flat.T / np.outer(length, length)
    return cosines


def orthogonality(moments: Float[np.ndarray, "f z z"]) -> float:
    """1 - the mean overlap of two factors. NaN with fewer than two factors that move the code."""
    cosines = overlaps(moments)[np.triu_indices(len(moments), 1)]
    known = cosines[np.isfinite(cosines)]
    return 1.0 - float(known.mean()) if len(known) else float("nan")


def dimensions(moments: Float[np.ndarray, "f z z"]) -> Float[np.ndarray, " f"]:
    """How many directions each factor moves: the participation ratio of C_k; 0 for a factor that moves nothing."""
    squares = (moments * moments).sum((1, 2))
    return np.divide(1.0, squares, out=np.zeros(len(moments)), where=squares > 0)
