"""Pieces of the evidence lower bound: log p(x) >= E_q log p(x|z) - KL(q(z|x) || p(z)) = -distortion - rate (Kingma and Welling 2014)."""

import torch
from jaxtyping import Float
from torch import Tensor


def reparameterise(mu: Float[Tensor, "b z"], log_var: Float[Tensor, "b z"], eps: Float[Tensor, "b z"]) -> Float[Tensor, "b z"]:
    """z = mu + sigma * eps with eps ~ N(0, 1): a draw from N(mu, diag sigma^2), differentiable in mu and log sigma^2."""
    return mu + torch.exp(0.5 * log_var) * eps


def gaussian_kl(mu: Float[Tensor, "b z"], log_var: Float[Tensor, "b z"]) -> Float[Tensor, "b z"]:
    """KL(N(mu, sigma^2) || N(0, 1)) of every latent, in nats: (mu^2 + sigma^2 - log sigma^2 - 1) / 2 (appendix B of the paper)."""
    return 0.5 * (mu.square() + log_var.exp() - log_var - 1.0)
