"""The aggregate posterior q(z) = (1/N) sum_n q(z|x_n), estimated from a batch, and how far it is from factorising.

All estimates are those of the global batch of B examples.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import everyone
from allegory.objectives.elbo import gaussian_log_prob

Rows = Float[Tensor, "b z"]


def log_shares(b: int, n: int, stratified: bool, like: Tensor) -> Float[Tensor, "b b"]:
    """log w_ij, so that q(z_i) is estimated by sum_j w_ij q(z_i|x_j) over a batch of `b` out of `n` (Chen et al. 2018, appendix C).

    Weighted: w_ij = 1 / (N B), a lower bound on log q in expectation. Stratified: z_i's own example counts 1 / N, one
    other (N - M) / (N M) with M = B - 1, and the rest 1 / M: unbiased for q(z), as the row sums to 1.
    """
    if not stratified:
        return torch.full((b, b), -math.log(n * b), dtype=like.dtype, device=like.device)
    m = b - 1
    shares = torch.full((b, b), 1.0 / m, dtype=like.dtype, device=like.device)
    at = torch.arange(b, device=like.device)
    shares[at, at] = 1.0 / n
    shares[at, (at + 1) % b] = max(n - m, 0) / (n * m)
    return shares.clamp_min(1e-30).log()


def total_correlation(z: Rows, mu: Rows, log_var: Rows, n: int, stratified: bool = False) -> Float[Tensor, ""]:
    """E[log q(z) - sum_j log q(z_j)] in nats, for draws z of N(mu, sigma^2) of a batch out of `n` examples (Chen et al. 2018, eq. 2)."""
    z, mu, log_var = everyone(z), everyone(mu), everyone(log_var)
    each = gaussian_log_prob(z[:, None], mu[None], log_var[None])  # (i, j, z): log q(z_i|x_j) of every latent
    shares = log_shares(len(z), n, stratified, z)
    joint = torch.logsumexp(each.sum(2) + shares, 1)
    alone = torch.logsumexp(each + shares[..., None], 1).sum(1)
    return (joint - alone).mean()
