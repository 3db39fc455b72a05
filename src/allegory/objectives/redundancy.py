"""No two numbers of a code should say the same, and none should be constant: what keeps views that agree from agreeing on everything.

All statistics are those of the global batch.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import batch_mean, processes


def cross_correlation(a: Float[Tensor, "b p"], b: Float[Tensor, "b p"], eps: float = 1e-5) -> Float[Tensor, "p p"]:
    """C_ij = sum_b a_bi b_bj / (sqrt(sum_b a_bi^2) sqrt(sum_b b_bj^2)) for centred columns (Zbontar et al. 2021, eq. 2).

    `eps` is added to each variance, as batch normalisation without a gain does in the authors' code: a constant column correlates with
    nothing.
    """
    return _mean_product(_standard(a, eps), _standard(b, eps))


def decorrelation(c: Float[Tensor, "p p"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The two terms of Zbontar et al. 2021, eq. 1, for a cross-correlation: sum_i (1 - C_ii)^2 and sum_i sum_{j != i} C_ij^2."""
    return (1.0 - c.diagonal()).square().sum(), _off_diagonal(c)


def variance_hinge(z: Float[Tensor, "b p"], gamma: float = 1.0, eps: float = 1e-4) -> Float[Tensor, ""]:
    """v(Z) = mean over the columns of max(0, gamma - sqrt(Var(z_j) + eps)), the variance unbiased (Bardes et al. 2022, section 4.1).

    It falls as a column spreads, until its standard deviation is gamma. `eps` bounds the slope where a column is constant.
    """
    return (gamma - (covariance(z).diagonal() + eps).sqrt()).relu().mean()


def covariance_penalty(z: Float[Tensor, "b p"]) -> Float[Tensor, ""]:
    """c(Z) = 1/p sum_{i != j} C(Z)_ij^2, with C(Z) the covariance of the columns, unbiased (Bardes et al. 2022, section 4.1)."""
    return _off_diagonal(covariance(z)) / z.shape[1]


def whitened(z: Float[Tensor, "b p"], eps: float = 1e-3) -> Float[Tensor, "b p"]:
    """W (z_b - mean), W the inverse of the Cholesky factor of the covariance: its own covariance is the identity.

    Ermolov et al. 2021, section 3. The covariance is shrunk by the share `eps` towards the same variance for all, so that it has a
    factor for any batch.
    """
    c = covariance(z)
    even = torch.eye(len(c), dtype=c.dtype, device=c.device) * (c.diagonal().mean() + eps)
    factor = torch.linalg.cholesky(c.lerp(even, eps))
    return torch.linalg.solve_triangular(factor, (z - batch_mean(z)).T, upper=False).T


def covariance(z: Float[Tensor, "b p"]) -> Float[Tensor, "p p"]:
    """C(Z) of the columns over the global batch, unbiased."""
    n = len(z) * processes()
    centred = z - batch_mean(z)
    return _mean_product(centred, centred) * (n / (n - 1))


def _standard(z: Float[Tensor, "b p"], eps: float) -> Float[Tensor, "b p"]:
    centred = z - batch_mean(z)
    return centred * (batch_mean(centred.square()) + eps).rsqrt()


def _mean_product(a: Float[Tensor, "b p"], b: Float[Tensor, "b p"]) -> Float[Tensor, "p p"]:
    """The mean over the examples of a_i b_j."""
    return batch_mean((a.T @ b / len(a))[None])


def _off_diagonal(c: Float[Tensor, "p p"]) -> Float[Tensor, ""]:
    """The sum of the squares beside the diagonal."""
    return (c - torch.diag(c.diagonal())).square().sum()
