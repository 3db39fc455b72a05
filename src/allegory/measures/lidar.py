"""LiDAR: how many directions tell items apart, measured in the spread of views of one item (Thilak et al. 2024, arXiv:2312.04000).

    Sigma_b = E_x (mu_x - mu)(mu_x - mu)^T,   Sigma_w = E_x E_v (z_xv - mu_x)(z_xv - mu_x)^T + delta I,
    Sigma = Sigma_w^{-1/2} Sigma_b Sigma_w^{-1/2},   LiDAR = exp(-sum_i p_i log p_i),   p_i = lambda_i / sum lambda + epsilon

Every item is a class of its own, its q views are the members. Unlike RankMe, a direction along which views of one item differ as much as
different items do counts for little, so noise earns no rank.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.measures.rank import entropy_rank

DELTA = 1e-4


def lidar(views: Float[Tensor, "n q z"], delta: float = DELTA) -> Float[Tensor, ""]:
    """The codes of q views of each of n items; between 1 and min(n - 1, z). `delta` as published; it is not scaled to the codes.

    Deviates: codes are first scaled to mean variance 1, so that delta means the same for all codes. Needs q >= 2 views.
    """
    n, q, _ = views.shape
    if q < 2 or n < 2:
        raise ValueError(f"LiDAR compares views of an item with other items: expected 2 or more of both, got {q} views of {n} items")
    z = views.double() - views.double().mean((0, 1))
    variance = z.square().mean()
    z = z / variance.sqrt() if variance > 0 else z
    mu = z.mean(1)  # (n, z)
    around = (z - mu[:, None]).flatten(0, 1)
    within = around.T @ around / (n * q) + delta * torch.eye(z.shape[2], dtype=z.dtype)
    root = torch.linalg.cholesky(within)
    whitened = torch.linalg.solve_triangular(root, mu.T, upper=False)  # the same eigenvalues as with Sigma_w^{-1/2}
    return entropy_rank(torch.linalg.svdvals(whitened).square())
