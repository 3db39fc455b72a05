"""The two functions by which an objective or a norm layer reaches the other processes.

`Loss.total` is the loss of the whole global batch and every process computes it. Both functions have their true adjoints (the
gradient of a gathered tensor is summed over the processes that used it), and the engine averages parameter gradients: then
d(sum over processes of L)/d(theta) / processes is exactly the gradient of L, also through batch statistics. (Taking only the own
slice's gradient and summing, as one might, loses the paths from one process's input through a shared mean to another's code.)
With one process both are the identity.
"""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Shaped
from torch import Tensor


def processes() -> int:
    """How many processes learn together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is."""
    return dist.get_rank() if processes() > 1 else 0


class _SumOverProcesses(torch.autograd.Function):
    """y = sum of x over processes; its adjoint is the same sum of the incoming gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        y = x.contiguous().clone()
        dist.all_reduce(y)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        del ctx
        g = grads[0].contiguous().clone()
        dist.all_reduce(g)
        return g


def everyone(z: Shaped[Tensor, "b *d"]) -> Shaped[Tensor, "all *d"]:
    """The rows of all processes in example order (process 0's first). Every process must hold the same number of rows."""
    if processes() == 1:
        return z
    b = len(z)
    padded = torch.cat([z.new_zeros(rank() * b, *z.shape[1:]), z, z.new_zeros((processes() - rank() - 1) * b, *z.shape[1:])])
    summed: Tensor = _SumOverProcesses.apply(padded)
    return summed


def batch_mean(v: Float[Tensor, "b *d"]) -> Float[Tensor, "*d"]:
    """The mean over the examples of the global batch."""
    if processes() == 1:
        return v.mean(0)
    summed: Tensor = _SumOverProcesses.apply(v.sum(0))
    return summed / (len(v) * processes())
