"""What colours the pixels have: brightness, contrast, saturation, hue, grey.

The first three are blends with black, with the mean grey of the image and with each pixel's grey, as in PIL's ImageEnhance, cut
to [-1, 1]. Hue turns in HSV as in Python's colorsys. With other than 3 channels grey is the mean of the channels, and hue means
nothing and is left alone.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Dice
from allegory.views.draws import column, constant, ranges
from allegory.views.view import View

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as PIL converts to "L"

Images = Float[Tensor, "b c h w"]
Factor = Float[Tensor, " b"]


@dataclass(frozen=True)
class ColourJitter(View):
    """Brightness, contrast, saturation and hue, each changed by a uniform amount, all together with probability `p`.

    The factor of the first three is on [max(0, 1 - s), 1 + s) for a strength s; hue turns by [-hue, hue) of the circle (at most
    one half). `ends` draws only the two ends of every range. torchvision shuffles the four for every image; here the order is fixed.
    """

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    p: float = 0.8
    ends: bool = False

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Float[Tensor, "b 4"]:
        """The three factors and the turn; 1, 1, 1 and 0 where nothing is to change."""
        del shape
        u = dice.uniform("colour", 5)
        limits = [(max(0.0, 1 - s), 1 + s) for s in (self.brightness, self.contrast, self.saturation)]
        change = ranges(u[:, :4], [*limits, (-self.hue, self.hue)], self.ends)
        return torch.where(u[:, 4:] < self.p, change, constant((1.0, 1.0, 1.0, 0.0), u.dtype, u.device))

    def show(self, x: Images, drawn: Float[Tensor, "b 4"]) -> Images:
        return self.show_(x.clone(), drawn)

    def show_(self, x: Images, drawn: Float[Tensor, "b 4"]) -> Images:
        if self.brightness:
            _brighten(x, drawn[:, 0])
        if self.contrast:
            _contrast(x, drawn[:, 1])
        if self.saturation:
            _saturate(x, drawn[:, 2])
        if not self.hue or x.shape[1] != 3:
            return x
        return _turn(x, drawn[:, 3]) if abs(self.hue) <= 1 / 6 else hue(x, drawn[:, 3])


@dataclass(frozen=True)
class Grey(View):
    """The grey image in every channel, with probability `p`."""

    p: float = 0.2

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Tensor:
        del shape
        return dice.chance("grey", self.p)

    def show(self, x: Images, drawn: Tensor) -> Images:
        return self.show_(x.clone(), drawn)

    def show_(self, x: Images, drawn: Tensor) -> Images:
        return x if x.shape[1] == 1 else x.lerp_(luma(x).expand_as(x), column(drawn, x))


def luma(x: Images) -> Float[Tensor, "b 1 h w"]:
    """The grey of each pixel: .299 R + .587 G + .114 B, or the mean of other than 3 channels."""
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    r, g, b = x.split(1, 1)
    return (r * LUMA[0]).add_(g, alpha=LUMA[1]).add_(b, alpha=LUMA[2])


def brightness(x: Images, factor: Factor) -> Images:
    """`factor` times the light: 0 is black, 1 the image."""
    return _brighten(x.clone(), factor)


def contrast(x: Images, factor: Factor) -> Images:
    """The image blended with the mean of its grey: 0 is that grey everywhere, 1 the image."""
    return _contrast(x.clone(), factor)


def saturation(x: Images, factor: Factor) -> Images:
    """The image blended with its grey: 0 is the grey image, 1 the image. One channel stays as it is."""
    return _saturate(x.clone(), factor)


def _brighten(x: Images, factor: Factor) -> Images:
    f = column(factor, x)
    return x.mul_(f).add_(f - 1).clamp_(-1, 1)


def _contrast(x: Images, factor: Factor) -> Images:
    f = column(factor, x)
    grey = luma(x.mean((2, 3), keepdim=True))
    return x.mul_(f).add_((1 - f) * grey).clamp_(-1, 1)


def _saturate(x: Images, factor: Factor) -> Images:
    return x if x.shape[1] == 1 else x.lerp_(luma(x).expand_as(x), 1 - column(factor, x)).clamp_(-1, 1)


def hue(x: Images, turn: Factor) -> Images:
    """HSV hue moved by `turn` (1 is the whole circle, back at the start); other than 3 channels stay as they are.

    A third of the circle is an exchange of channels; what is left of the turn is at most a sixth.
    """
    if x.shape[1] != 3:
        return x
    thirds = (3 * turn).round()
    channel = (torch.arange(3, device=x.device) - thirds[:, None]) % 3
    at = channel.long() + 3 * torch.arange(len(x), device=x.device)[:, None]
    return _turn(x.flatten(0, 1).index_select(0, at.flatten()).view_as(x), turn - thirds / 3)


def _turn(x: Images, turn: Factor) -> Images:
    """HSV hue moved by at most a sixth of the circle, without HSV: no case distinctions, no division.

    Let low, middle and high be a pixel's channels in order and C = high - low. Around the circle a channel is a tent cut off at low
    and high, of slope C a sixth: red is clamp(2 r - middle, low, high), in which 2 r - middle is the tent, rising where b > g and
    falling where g > b. So T sixths further on red is clamp(2 r - middle + T C sign(b - g), low, high), as long as |T| <= 1: then
    what the tent does at its two ends is cut off. Green and blue are the same a third of the circle on.
    """
    r, g, b = channels = x.unbind(1)
    low, high = torch.minimum(r, g), torch.maximum(r, g)
    middle = torch.maximum(low, torch.minimum(high, b))
    low, high = torch.minimum(low, b, out=low), torch.maximum(high, b, out=high)
    step = (high - low).mul_(column(6 * turn, low))
    out = torch.empty_like(x)
    for i in range(3):
        torch.sub(channels[i - 1], channels[i - 2], out=out[:, i])
    out.sign_().mul_(step[:, None]).add_(x, alpha=2).sub_(middle[:, None])
    return out.clamp_(low[:, None], high[:, None])
