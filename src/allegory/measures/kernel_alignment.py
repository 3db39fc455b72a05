"""How alike are two representations of the same items? Linear centred kernel alignment (Kornblith et al. 2019, arXiv:1905.00414).

    CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))      with K = X X^T, L = Y Y^T

The estimator decides: the usual HSIC, tr(K H L H) / (n - 1)^2, is biased upwards, and two independent sets of d features of n items get a
CKA of about d / (n + d), which is .2 for n = 32 and d = 8 and near 1 for wide layers. Song et al. (2012, equation 5; Nguyen et al. 2021,
arXiv:2010.15327, equation 3) remove the bias:

    HSIC_1 = [ tr(K~ L~) + 1^T K~ 1 1^T L~ 1 / ((n - 1)(n - 2)) - 2 / (n - 2) 1^T K~ L~ 1 ] / (n (n - 3)),   K~ = K with a zero diagonal

Both are computed from the features, without an n x n matrix unless that is the smaller one, and then in blocks.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.measures.neighbours import centred

BLOCK = 512


def unbiased_hsic(x: Float[Tensor, "n p"], y: Float[Tensor, "n q"]) -> float:
    """HSIC_1 of linear kernels: 0 in expectation for independent features, and so below 0 at times. Needs n > 3."""
    n = len(x)
    if n < 4:
        raise ValueError(f"the unbiased HSIC needs at least 4 items, got {n}; bring more items")
    x, y = centred(x), centred(y)
    own_x, own_y = x.square().sum(1), y.square().sum(1)
    trace = _gram_product(x, y) - own_x @ own_y
    # the rows of a centred Gram matrix sum to 0, so without their diagonal they sum to its negative
    sums = own_x.sum() * own_y.sum() / ((n - 1) * (n - 2)) - 2.0 / (n - 2) * (own_x @ own_y)
    return float(trace + sums) / (n * (n - 3))


def biased_hsic(x: Float[Tensor, "n p"], y: Float[Tensor, "n q"]) -> float:
    """tr(K H L H) / (n - 1)^2 of linear kernels (Gretton et al. 2005): above 0 even for independent features. Needs n > 1."""
    return float(_gram_product(centred(x), centred(y))) / (len(x) - 1) ** 2


def cka(x: Float[Tensor, "n p"], y: Float[Tensor, "n q"], unbiased: bool = True) -> float:
    """1 for codes that agree up to rotation, shift and one scale; 0 for independent ones (only in expectation: it may be below 0).

    `unbiased = False` is the usual estimator, kept for comparison with published figures. NaN when either code is constant.
    """
    hsic = unbiased_hsic if unbiased else biased_hsic
    own = hsic(x, x), hsic(y, y)
    return hsic(x, y) / math.sqrt(own[0] * own[1]) if min(own) > 0 else math.nan


def _gram_product(x: Float[Tensor, "n p"], y: Float[Tensor, "n q"]) -> Float[Tensor, ""]:
    """tr(X X^T Y Y^T) = |X^T Y|^2, by the smaller of the two ways."""
    if x.shape[1] * y.shape[1] <= len(x) * max(BLOCK, x.shape[1], y.shape[1]):
        return (x.T @ y).square().sum()
    blocks = torch.arange(len(x)).split(BLOCK)
    return torch.stack([((x[rows] @ x.T) * (y[rows] @ y.T)).sum() for rows in blocks]).sum()
