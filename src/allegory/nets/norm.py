"""Batch normalisation (Ioffe and Szegedy 2015) over the whole global batch, for inputs of any rank."""

import contextlib
from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory.core import batch_mean, processes

Norm = Literal["batch", "group", "none"]
GROUPS = 8


def norms(kind: Norm, channels: int, groups: int = GROUPS, affine: bool = True) -> list[nn.Module]:
    """What stands after a layer of `channels`: BatchNorm, GroupNorm (Wu and He 2018; no example meets another), or nothing."""
    if kind == "none":
        return []
    return [BatchNorm(channels, affine=affine) if kind == "batch" else nn.GroupNorm(min(groups, channels), channels, affine=affine)]


class BatchNorm(nn.Module):
    """Normalises each channel of (b, c, *places) by the mean and variance over all examples, places and processes.

    Names and meaning of parameters and buffers are those of `torch.nn.BatchNorm2d`: the running variance is the unbiased one.
    The running statistics move in training mode only, and not inside `frozen_statistics`. `affine`: with a gain and a shift.
    """

    weight: Float[Tensor, " c"] | None
    bias: Float[Tensor, " c"] | None
    running_mean: Float[Tensor, " c"]
    running_var: Float[Tensor, " c"]
    num_batches_tracked: Int[Tensor, ""]

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True):
        super().__init__()
        self.channels, self.eps, self.momentum = channels, eps, momentum
        self.moving = True
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Float[Tensor, "b c *places"]) -> Float[Tensor, "b c *places"]:
        if self.training and processes() > 1:
            return self._over_processes(x)
        moving = self.training and self.moving
        if moving:
            self.num_batches_tracked.add_(1)
        mean, var = (self.running_mean, self.running_var) if moving or not self.training else (None, None)
        return F.batch_norm(x, mean, var, self.weight, self.bias, self.training, self.momentum, self.eps)

    def _over_processes(self, x: Tensor) -> Tensor:
        places = x[0, 0].numel()
        wide = x.to(torch.promote_types(x.dtype, torch.float32)).reshape(len(x), self.channels, places)  # (b, c, places)
        mean = batch_mean(wide.mean(2))  # (c,)
        centred = wide - mean[:, None]
        var = batch_mean(centred.square().mean(2))  # (c,)
        if self.moving:
            n = len(x) * places * processes()
            with torch.no_grad():
                self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
                self.running_var.lerp_((var * (n / (n - 1))).to(self.running_var.dtype), self.momentum)
                self.num_batches_tracked.add_(1)
        gain, shift = (1.0, 0.0) if self.weight is None or self.bias is None else (self.weight[:, None], self.bias[:, None])
        y = centred * (var + self.eps).rsqrt()[:, None] * gain + shift
        return y.view(x.shape).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.channels}, eps={self.eps}, momentum={self.momentum}"


@contextlib.contextmanager
def frozen_statistics(*modules: nn.Module) -> Iterator[None]:
    """Within the block no running statistic of these modules moves; normalising still uses the batch's own statistics in training mode."""
    norms = [m for module in modules for m in module.modules() if isinstance(m, BatchNorm)]
    before = [norm.moving for norm in norms]
    try:
        for norm in norms:
            norm.moving = False
        yield
    finally:
        for norm, was in zip(norms, before, strict=True):
            norm.moving = was


@contextlib.contextmanager
def batch_statistics(module: nn.Module) -> Iterator[None]:
    """Within the block a module at rest normalises by the batch at hand, as in training; no running statistic moves."""
    norms = [m for m in module.modules() if isinstance(m, BatchNorm)]
    before = [norm.training for norm in norms]
    try:
        with frozen_statistics(*norms):
            for norm in norms:
                norm.training = True
            yield
    finally:
        for norm, was in zip(norms, before, strict=True):
            norm.training = was


def has_batch_statistics(module: nn.Module) -> bool:
    """True when an example's output in training mode depends on its batch mates."""
    return any(isinstance(m, BatchNorm) for m in module.modules())
