"""Unsupervised disentanglement ranking: do training seeds of one method find the same codes? Duan et al. (2020), arXiv:1905.12614.

R_ab is how much code b of one run depends on code a of another (the absolute weights of a lasso between standardised codes, or their
rank correlation). Two runs agree when every row and column of R has one large entry:

    UDR_ij = 1/2 [ mean over b of max_a R_ab^2 / sum_a R_ab  +  mean over a of max_b R_ab^2 / sum_b R_ab ]

over the informative codes of both. A run's score is the median of its UDR with every other run. No factor is needed; order and sign of
the codes do not matter. It says that the seeds agree, which the paper finds to go with disentanglement, not that they are right.

As in disentanglement_lib: lasso with alpha = .1. The paper calls a code informative when its KL to the prior exceeds .01 nats; of codes
alone, whose posterior is not known, those count whose variance over items exceeds .01 (`latents.active_units`, Burda et al. 2016).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats
from sklearn.linear_model import Lasso

from allegory.core import Misuse

ALPHA, LEAST_VARIANCE = 0.1, 0.01
Dependence = Literal["lasso", "spearman"]


@dataclass(frozen=True, eq=False)
class Agreement:
    """`scores` (r,): the score of each run; `pairs` (r, r): UDR of run i (rows) with run j, 0 on the diagonal; `informative` (r,):
    how many codes took part."""

    scores: Float[np.ndarray, " r"]
    pairs: Float[np.ndarray, "r r"]
    informative: Int[np.ndarray, " r"]


def udr(
    runs: Sequence[Float[np.ndarray, "n _"]], informative: Sequence[Bool[np.ndarray, " _"]] | None = None, how: Dependence = "lasso"
) -> Agreement:
    """UDR of at least two runs' codes of the same items, each score in [0, 1] for runs whose codes correspond one to one with `spearman`
    (a lasso's weights can exceed 1 a little). `informative`: which codes of each run take part. Runs may have different numbers of codes.
    Raises `Misuse` for a single run or different numbers of items.
    """
    if len(runs) < 2 or len({len(z) for z in runs}) > 1:
        raise Misuse(f"UDR compares the codes of the same items by 2 runs or more; got {[z.shape for z in runs]}")
    codes = [z.astype(np.float64) for z in runs]
    told = [z.var(0) > LEAST_VARIANCE for z in codes] if informative is None else list(informative)
    standard = [_standardised(z[:, mask]) for z, mask in zip(codes, told, strict=True)]
    pairs = np.zeros((len(runs), len(runs)))
    for i, one in enumerate(standard):
        for j, other in enumerate(standard):
            if i != j:
                pairs[i, j] = relative_strength(_weights(one, other) if how == "lasso" else _ranks(one, other))
    scores = [np.median(np.delete(pairs[:, i], i)) for i in range(len(runs))]
    return Agreement(np.array(scores), pairs, np.array([int(mask.sum()) for mask in told]))


def relative_strength(R: Float[np.ndarray, "a b"]) -> float:
    """How far R is from one large entry in every row and column, weighted by that entry; 0 for an empty matrix."""
    if not R.size:
        return 0.0
    return float(sum(_strength(side).mean() for side in (R, R.T)) / 2)


def _strength(R: Float[np.ndarray, "a b"]) -> Float[np.ndarray, " b"]:
    total = R.sum(0)
    return np.where(total > 0, R.max(0) ** 2 / np.where(total > 0, total, 1.0), 0.0)


def _standardised(z: Float[np.ndarray, "n z"]) -> Float[np.ndarray, "n z"]:
    spread = z.std(0)
    return (z - z.mean(0)) / np.where(spread > 0, spread, 1.0)


def _weights(one: Float[np.ndarray, "n a"], other: Float[np.ndarray, "n b"]) -> Float[np.ndarray, "a b"]:
    if not (one.size and other.size):
        return np.zeros((one.shape[1], other.shape[1]))
    return np.abs(Lasso(alpha=ALPHA).fit(one, other).coef_.reshape(other.shape[1], -1)).T


def _ranks(one: Float[np.ndarray, "n a"], other: Float[np.ndarray, "n b"]) -> Float[np.ndarray, "a b"]:
    a, b = (_standardised(stats.rankdata(z, axis=0)) for z in (one, other))
    return np.abs(a.T @ b) / len(a)
