"""Lower bounds of the mutual information of pairs (x_i, y_i), in nats, from a critic's scores f(x_i, y_j) of all pairs of a batch.

- InfoNCE (van den Oord et al. 2018; Poole et al. 2019, arXiv:1905.06922, equation 10): E log e^{f(x, y)} / mean_j e^{f(x, y_j)}.
  A bound with little variance that never exceeds log n: with n pairs it cannot tell 5 nats from 50 once log n is less.
- NWJ (Nguyen, Wainwright and Jordan 2010; Poole et al., equation 7): E_p f - E_q e^{f - 1}. No ceiling; variance grows as e^I.
- Donsker and Varadhan, as in MINE (Belghazi et al. 2018, arXiv:1801.04062, equation 5): E_p f - log E_q e^f. Tighter for
  the same critic, but the log of a mean over a batch is biased, and so on a finite batch it is no bound.

All are tight for the right critic: f = log p(y|x)/p(y) (+ any c(x) for InfoNCE; + 1 for NWJ; + any constant for Donsker and Varadhan).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

Scores = Float[Tensor, "n n"]


def info_nce_bound(scores: Scores) -> Float[Tensor, ""]:
    """`scores` (i, j) = f(x_i, y_j), partners on the diagonal. At most log n; the partner stays among the n."""
    return (scores.diagonal() - scores.logsumexp(1)).mean() + math.log(len(scores))


def nwj_bound(scores: Scores) -> Float[Tensor, ""]:
    """E_q is over the n (n - 1) pairs off the diagonal."""
    return scores.diagonal().mean() - torch.exp(_log_mean_exp_of_others(scores) - 1.0)


def donsker_varadhan_bound(scores: Scores) -> Float[Tensor, ""]:
    """E_q is over the n (n - 1) pairs off the diagonal."""
    return scores.diagonal().mean() - _log_mean_exp_of_others(scores)


def _log_mean_exp_of_others(scores: Scores) -> Float[Tensor, ""]:
    n = len(scores)
    others = scores.masked_fill(torch.eye(n, dtype=torch.bool, device=scores.device), -math.inf)
    return others.flatten().logsumexp(0) - math.log(n * (n - 1))


def gaussian_information(rho: float, dimensions: int) -> float:
    """The mutual information of two standard normal vectors whose d-th numbers have correlation rho: -d/2 log(1 - rho^2) nats."""
    return -0.5 * dimensions * math.log1p(-rho * rho)


def gaussian_critic(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"], rho: float) -> Scores:
    """The best critic of such vectors, log p(x, y) / p(x) p(y) = sum_d [rho x y - rho^2 (x^2 + y^2) / 2] / (1 - rho^2) + I."""
    own = 0.5 * rho * rho * (x.square().sum(1)[:, None] + y.square().sum(1)[None])
    return (rho * x @ y.T - own) / (1.0 - rho * rho) + gaussian_information(rho, x.shape[1])
