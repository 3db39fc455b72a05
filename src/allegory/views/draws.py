"""From uniform draws to parameters."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def between(u: Tensor, low: float, high: float, ends: bool = False) -> Tensor:
    """`u`, uniform on [0, 1), as uniform on [low, high); or, with `ends`, as one of the two (one magnitude, a random sign)."""
    return low + (high - low) * (u.round() if ends else u)


def ranges(u: Float[Tensor, "b k"], limits: Sequence[tuple[float, float]], ends: bool = False) -> Float[Tensor, "b k"]:
    """Column i of `u` on the range `limits[i]`."""
    low, high = torch.tensor(limits, dtype=u.dtype, device=u.device).unbind(1)
    return low + (high - low) * (u.round() if ends else u)


def column(parameter: Tensor, x: Tensor) -> Tensor:
    """A parameter (b,) in the type of `x`, shaped to meet its rows."""
    return parameter.to(x.dtype).view(-1, *[1] * (x.ndim - 1))
