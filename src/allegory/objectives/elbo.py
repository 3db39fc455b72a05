"""Pieces of the evidence lower bound: log p(x) >= E_q log p(x|z) - KL(q(z|x) || p(z)) = -distortion - rate (Kingma and Welling 2014)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def reparameterise(mu: Float[Tensor, "*b z"], log_var: Float[Tensor, "*b z"], eps: Float[Tensor, "*b z"]) -> Float[Tensor, "*b z"]:
    """z = mu + sigma * eps with eps ~ N(0, 1): a draw from N(mu, diag sigma^2), differentiable in mu and log sigma^2."""
    return mu + torch.exp(0.5 * log_var) * eps


def gaussian_kl(mu: Float[Tensor, "*b z"], log_var: Float[Tensor, "*b z"]) -> Float[Tensor, "*b z"]:
    """KL(N(mu, sigma^2) || N(0, 1)) of every latent, in nats: (mu^2 + sigma^2 - log sigma^2 - 1) / 2 (appendix B of the paper)."""
    return 0.5 * (mu.square() + log_var.exp() - log_var - 1.0)


def gaussian_kl_to(
    mu: Float[Tensor, "*b z"], log_var: Float[Tensor, "*b z"], prior_mu: Float[Tensor, "*b z"], prior_log_var: Float[Tensor, "*b z"]
) -> Float[Tensor, "*b z"]:
    """KL(N(mu, sigma^2) || N(m, s^2)) of every latent, in nats: (sigma^2 / s^2 + (mu - m)^2 / s^2 - 1 + log s^2 - log sigma^2) / 2."""
    squares = log_var.exp() + (mu - prior_mu).square()
    return 0.5 * (squares * torch.exp(-prior_log_var) - 1.0 + prior_log_var - log_var)


def gaussian_log_prob(z: Float[Tensor, "*#b z"], mu: Float[Tensor, "*#b z"], log_var: Float[Tensor, "*#b z"]) -> Float[Tensor, "..."]:
    """log N(z; mu, sigma^2) of every latent, in nats; the arguments are broadcast."""
    return -0.5 * ((z - mu).square() * torch.exp(-log_var) + log_var + math.log(2 * math.pi))


def log_weights(
    log_p: Float[Tensor, "*b"], z: Float[Tensor, "*b z"], mu: Float[Tensor, "*b z"], log_var: Float[Tensor, "*b z"]
) -> Float[Tensor, "*b"]:
    """log w = log p(x|z) + log p(z) - log q(z|x) for draws z of q and the prior N(0, I) (Burda et al. 2016, eq. 7)."""
    prior = gaussian_log_prob(z, torch.zeros_like(z), torch.zeros_like(z))
    return log_p + (prior - gaussian_log_prob(z, mu, log_var)).sum(-1)


def importance_bound(log_w: Float[Tensor, "k b"]) -> Float[Tensor, " b"]:
    """log (1/k) sum_i w_i: in expectation a lower bound on log p(x) that tightens as k grows (Burda et al. 2016, eq. 8)."""
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


def coin_kl(rho: float, other: Float[Tensor, " z"]) -> Float[Tensor, " z"]:
    """KL(rho || other) of coins that fall heads with these probabilities, in nats; `other` is kept off 0 and 1."""
    p = other.clamp(1e-6, 1.0 - 1e-6)
    return rho * (math.log(rho) - p.log()) + (1.0 - rho) * (math.log(1.0 - rho) - (1.0 - p).log())
