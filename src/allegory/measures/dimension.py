"""How many dimensions does the manifold have near its items? Three estimators of the intrinsic dimension.

- TwoNN (Facco et al. 2017, Scientific Reports 7, 12140): the ratio mu of the distances to the second and first neighbour has the
  distribution 1 - mu^-d wherever the density is constant over so small a neighbourhood.
- Maximum likelihood (Levina and Bickel 2004, equation 8), averaged over items as MacKay and Ghahramani (2005) correct it: the inverses of
  the local estimates are averaged, not the estimates, whose mean is biased upwards by a factor (k - 1) / (k - 2).
- Local PCA (Fukunaga and Olsen 1971): how many principal variances of a neighbourhood exceed a share of its largest.

The first two see dimension at the scale of the nearest neighbours, where noise of any size counts; both fall short in high dimension
(some 20 and more), where no number of items fills the space. Copies of an item must be taken out first (`neighbours.distinct`).
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

DISCARD = 0.1


def two_nn(distances: Float[Tensor, "n k"], discard: float = DISCARD) -> float:
    """The slope through the origin of -log(1 - F(mu)) on log mu, without the `discard` share of items of largest mu.

    `distances` to the nearest neighbours, nearest first, k >= 2, above 0. F(mu_(i)) = i / n. A tenth is discarded as published.
    """
    n = len(distances)
    log_mu = (distances[:, 1] / distances[:, 0]).double().log().sort().values
    kept = int(n * (1.0 - discard))
    rank = torch.arange(1, kept + 1, dtype=torch.float64)
    y, x = -torch.log1p(-rank / n), log_mu[:kept]
    if discard == 0.0:
        y, x = y[:-1], x[:-1]  # F = 1 at the last, where the line has no height
    return float(x @ y / (x @ x)) if x.any() else math.inf


def local_inverse_dimension(distances: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
    """1 / m_k(x) = mean over j < k of log(T_k(x) / T_j(x)) of every item (Levina and Bickel, equation 8); k >= 2, distances above 0."""
    log = distances.double().log()
    return (log[:, -1:] - log[:, :-1]).mean(1)


def maximum_likelihood(distances: Float[Tensor, "n k"]) -> float:
    """1 / the mean over items of 1 / m_k(x) (MacKay and Ghahramani's average). inf when all neighbours are at one distance."""
    inverse = float(local_inverse_dimension(distances).mean())
    return 1.0 / inverse if inverse > 0 else math.inf


def local_pca(z: Float[Tensor, "n d"], near: Int[Tensor, "m k"], share: float = 0.05) -> Float[Tensor, " m"]:
    """How many principal variances of each neighbourhood exceed `share` of its largest one; `near`: the items of m neighbourhoods.

    At most min(k - 1, d): a neighbourhood must have clearly more items than the manifold has dimensions.
    """
    counts = []
    for rows in near.split(64):
        around = z[rows].double()
        around = around - around.mean(1, keepdim=True)
        gram = around @ around.mT if around.shape[1] < around.shape[2] else around.mT @ around
        variances = torch.linalg.eigvalsh(gram)
        counts.append((variances > share * variances[:, -1:]).sum(1))
    return torch.cat(counts).double()
