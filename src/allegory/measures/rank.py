"""How many directions codes use.

*Effective rank* here is RankMe (Garrido et al. 2023, arXiv:2210.02885, equation 1): exp of the entropy of the singular values of the
code matrix, normalised to sum 1. The codes are NOT centred, so a constant offset shared by all codes counts as one strong direction.
Roy and Vetterli (2007) define the same formula for any matrix. On the centred covariance matrix its singular values are the
variances, the squares of ours: strong directions then weigh more and the number is smaller. `entropy_rank(spectrum(z, centred=True)
.square())` gives that variant.
"""

import torch
from jaxtyping import Float
from torch import Tensor

EPSILON = 1e-7


def spectrum(z: Float[Tensor, "b z"], centred: bool = False) -> Float[Tensor, " r"]:
    """The singular values of the codes, largest first, float64, r = min(b, z); `centred` subtracts the mean code first."""
    z = z.double()
    return torch.linalg.svdvals(z - z.mean(0) if centred else z)


def entropy_rank(values: Float[Tensor, " r"]) -> Float[Tensor, ""]:
    """exp of the entropy of non-negative values normalised to sum 1: r when they are equal, 1 when only one is not zero.

    As in RankMe, 1e-7 is added to every normalised value. All zeros (collapse to the origin) give 1.
    """
    total = values.sum()
    if total <= 0:
        return torch.ones_like(total)
    p = values / total + EPSILON
    return torch.exp(-(p * p.log()).sum())


def effective_rank(z: Float[Tensor, "b z"]) -> Float[Tensor, ""]:
    """RankMe: between 1 (one direction) and min(b, z). Not centred; float64 inside."""
    return entropy_rank(spectrum(z))


def participation_ratio(z: Float[Tensor, "b z"]) -> Float[Tensor, ""]:
    """(sum of variances)^2 / sum of squared variances along the principal axes of the centred codes, between 1 and min(b, z).

    Heavier on strong directions than the effective rank. Codes that all coincide give 1.
    """
    z = z.double() - z.double().mean(0)
    # the traces of C and of C C need no eigenvalues; of the two Gram matrices the smaller one has the same traces
    gram = z.T @ z if z.shape[1] <= z.shape[0] else z @ z.T
    total, squares = gram.trace(), gram.square().sum()
    return torch.where(squares > 0, total.square() / squares, 1.0)  # without a look at the number, which would wait for the device
