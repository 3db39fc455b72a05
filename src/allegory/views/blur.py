"""Blur and its opposite."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allegory.core import Dice
from allegory.views.draws import between, column
from allegory.views.view import View


@dataclass(frozen=True)
class Blur(View):
    """A Gaussian blur whose standard deviation is uniform on `sigma` (pixels); the image is mirrored at its border.

    The kernel has `taps` weights (odd), None for a tenth of the image's side as in SimCLR (Chen et al. 2020).
    """

    sigma: tuple[float, float] = (0.1, 2.0)
    taps: int | None = None

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Tensor:
        del shape
        return between(dice.uniform("sigma"), *self.sigma)

    def show(self, x: Float[Tensor, "b c h w"], drawn: Float[Tensor, " b"]) -> Float[Tensor, "b c h w"]:
        radius = self.taps // 2 if self.taps else max(1, math.ceil(min(x.shape[-2:]) / 20))
        return blur(x, drawn, radius)


def blur(x: Float[Tensor, "b c h w"], sigma: Float[Tensor, " b"], radius: int) -> Float[Tensor, "b c h w"]:
    """Each image convolved with a Gaussian of its `sigma`, cut at `radius` pixels and normalised to sum 1."""
    b, c, h, w = x.shape
    if b == 0:
        return x
    at = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (at / sigma.to(x.dtype)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0)
    # Every channel of every image is a group of its own, so that each image has its own kernel.
    padded = F.pad(x, (radius,) * 4, mode="reflect").reshape(1, b * c, h + 2 * radius, w + 2 * radius)
    rows = F.conv2d(padded, kernel[:, None, None, :], groups=b * c)
    return F.conv2d(rows, kernel[:, None, :, None], groups=b * c).view(b, c, h, w)


@dataclass(frozen=True)
class Sharpness(View):
    """The image blended with a smoothed one by a factor on [1 - strength, 1 + strength) (PIL's ImageEnhance.Sharpness).

    Factors above 1 sharpen. `ends` draws only the two ends of the range.
    """

    strength: float = 0.5
    ends: bool = False

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Tensor:
        del shape
        return between(dice.uniform("sharpness"), 1 - self.strength, 1 + self.strength, self.ends)

    def show(self, x: Float[Tensor, "b c h w"], drawn: Float[Tensor, " b"]) -> Float[Tensor, "b c h w"]:
        return torch.lerp(smooth(x), x, column(drawn, x)).clamp_(-1, 1)


def smooth(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """PIL's SMOOTH filter: each pixel counts 5 and its eight neighbours 1, over 13; the border stays as it is."""
    out = x.clone()
    if min(x.shape[-2:]) > 2:
        box = F.avg_pool2d(x, 3, stride=1) * (9 / 13)
        out[..., 1:-1, 1:-1] = box.add_(x[..., 1:-1, 1:-1], alpha=4 / 13)
    return out
