"""From uniform draws to parameters."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def between(u: Tensor, low: float, high: float, ends: bool = False) -> Tensor:
    """`u`, uniform on [0, 1), as uniform on [low, high); or, with `ends`, as one of the two (one magnitude, a random sign)."""
    return low + (high - low) * (u.round() if ends else u)


def ranges(u: Float[Tensor, "b k"], limits: Sequence[tuple[float, float]], ends: bool = False) -> Float[Tensor, "b k"]:
    """Column i of `u` on the range `limits[i]`."""
    low, high = constant(tuple(map(tuple, limits)), u.dtype, u.device).unbind(1)
    return low + (high - low) * (u.round() if ends else u)


@lru_cache(maxsize=256)
def constant(values: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Fixed numbers (a tuple, of tuples), made once and never to be written to: an accelerator is waited for when it is sent some."""
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)


def column(parameter: Tensor, x: Tensor) -> Tensor:
    """A parameter (b,) in the type of `x`, shaped to meet its rows."""
    return parameter.to(x.dtype).view(-1, *[1] * (x.ndim - 1))
