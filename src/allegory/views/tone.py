"""Changes of tone, pixel value by pixel value: solarize, posterize, invert, autocontrast, equalize. Levels are PIL's 0 .. 255."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Dice
from allegory.views.draws import between
from allegory.views.view import View

Images = Float[Tensor, "b c h w"]


@dataclass(frozen=True)
class Invert(View):
    """The negative."""

    def show(self, x: Images, drawn: Any) -> Images:
        del drawn
        return -x


@dataclass(frozen=True)
class Solarize(View):
    """Values at or above a threshold are inverted. The threshold is uniform on `threshold`, in light from 0 (black) to 1 (white)."""

    threshold: tuple[float, float] = (0.5, 0.5)

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Tensor:
        del shape
        return between(dice.uniform("threshold"), *self.threshold)

    def show(self, x: Images, drawn: Float[Tensor, " b"]) -> Images:
        return torch.where(x >= (2 * drawn - 1).to(x.dtype).view(-1, 1, 1, 1), -x, x)


@dataclass(frozen=True)
class Posterize(View):
    """Only the `bits` highest of 8 bits are kept (PIL's ImageOps.posterize)."""

    bits: int = 4

    def show(self, x: Images, drawn: Any) -> Images:
        del drawn
        step = 2 ** (8 - self.bits)
        return (levels(x) / step).floor() * (step * 2 / 255) - 1


@dataclass(frozen=True)
class AutoContrast(View):
    """Each channel stretched so that its least value is black and its greatest white; a constant channel stays."""

    def show(self, x: Images, drawn: Any) -> Images:
        del drawn
        low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        span = high - low
        flat = span == 0
        stretched = (x - low) * (2 / span.masked_fill(flat, 1)) - 1
        return torch.where(flat, x, stretched)


@dataclass(frozen=True)
class Equalize(View):
    """Each channel's histogram of 256 levels made as flat as a map of levels can make it (PIL's ImageOps.equalize)."""

    def show(self, x: Images, drawn: Any) -> Images:
        del drawn
        b, c, h, w = x.shape
        level = levels(x).to(torch.int64).reshape(b * c, h * w)
        count = torch.zeros(b * c, 256, dtype=torch.int64, device=x.device).scatter_add_(1, level, torch.ones_like(level))
        step = (h * w - count.gather(1, level.amax(1, keepdim=True))) // 255
        before = count.cumsum(1) - count
        table = ((before + step // 2) // step.clamp(min=1)).clamp_(max=255)
        table = torch.where(step == 0, torch.arange(256, device=x.device), table)
        return table.gather(1, level).view(b, c, h, w).to(x.dtype) * (2 / 255) - 1


def levels(x: Images) -> Images:
    """[-1, 1] to whole numbers 0 .. 255."""
    return ((x + 1) * 127.5).round_().clamp_(0, 255)
