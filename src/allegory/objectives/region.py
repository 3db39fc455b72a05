"""The error on a part of an observation."""

from jaxtyping import Float, Shaped
from torch import Tensor


def region_error(out: Float[Tensor, "b *d"], x: Float[Tensor, "b *d"], weight: Shaped[Tensor, "b *e"]) -> Float[Tensor, " b"]:
    """sum w (x - out)^2 / (how many w > 0) of every example: the mean squared error over a region (Pathak et al. 2016, eq. 1).

    `weight` is bool or float and broadcasts over channels; an example whose region is empty has error 0.
    """
    w = weight.to(x.dtype).expand_as(x).flatten(1)
    return (w * (x - out).square().flatten(1)).sum(1) / (w > 0).sum(1).clamp_min(1)
