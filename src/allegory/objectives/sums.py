"""Sums that are the same bits for any number of threads and on any device."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

ROW = 1024
PARTS = float(1 << 32)  # of 1, that fixed-point numbers count


def total(v: Float[Tensor, "*r n"]) -> Float[Tensor, " *r"]:
    """The sum over the last axis, in fixed blocks."""
    return F.pad(v, (0, -v.shape[-1] % ROW)).unflatten(-1, (-1, ROW)).sum(-1).sum(-1)


def scattered(n: int, index: Int[Tensor, " e"], values: Float[Tensor, " e"]) -> Float[Tensor, " n"]:
    """The sums of the values with each index, in fixed point: whole numbers add up to the same in any order. No sum may reach 2^31."""
    whole = torch.zeros(n, dtype=torch.int64, device=values.device)
    return (whole.index_add_(0, index, (values.double() * PARTS).round_().long()).double() / PARTS).to(values.dtype)
