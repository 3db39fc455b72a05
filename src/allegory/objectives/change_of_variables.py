"""Densities through a bijection, and levels as continuous numbers."""

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Dice
from allegory.objectives.elbo import gaussian_log_prob


def log_density_through(z: Float[Tensor, "b z"], log_det: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """log p(x) = log N(z; 0, I) + log |det dz/dx| in nats, for z = f(x) (Dinh et al. 2017, eq. 3)."""
    blank = torch.zeros_like(z)
    return gaussian_log_prob(z, blank, blank).sum(1) + log_det


def dequantised(x: Float[Tensor, "b *d"], levels: int, dice: Dice) -> Float[Tensor, "b *d"]:
    """Every number of images in [-1, 1] moved at random within the cell of its level, 2 / (levels - 1) wide (Theis et al. 2016, 3.1).

    The expected log density there, plus d log(2 / (levels - 1)), is at most the log-probability of the levels.
    """
    return x + (2.0 / (levels - 1)) * (dice.uniform("within the cell", *x.shape[1:]).to(x.dtype) - 0.5)
