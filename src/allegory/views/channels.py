"""Images taken apart by channel: grey and colour, or several views of one place through different channels."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allegory.views.lab import lab
from allegory.views.sobel import Sobel
from allegory.views.view import View

Images = Float[Tensor, "b c h w"]
NEAR = 5  # pixels a side that a low pass averages over
AB = 110.0  # about the largest |a| and |b| of an sRGB colour


class Coloured(NamedTuple):
    """`grey` (b, g, h, w), what may be seen, and `colour` (b, m, h, w), what is to be said; both about [-1, 1]."""

    grey: Tensor
    colour: Tensor


@dataclass(frozen=True)
class Uncolour(View):
    """Takes the colour from each image (Zhang et al. 2016).

    3 channels: lightness, and the colours a and b of Lab. One channel has no colour: the edges to the right and downwards (Sobel), and
    the lightness. Other numbers of channels: their mean, and their differences from it.
    """

    def shape(self, shape: tuple[int, ...]) -> Coloured:
        c, *sides = shape
        grey, colour = {1: (2, 1), 3: (1, 2)}.get(c, (1, c))
        return Coloured((grey, *sides), (colour, *sides))  # type: ignore[arg-type]

    def show(self, x: Images, drawn: Any = None) -> Coloured:
        c = x.shape[1]
        if c == 1:
            return Coloured(Sobel().show(x, drawn), x)
        if c == 3:
            light, ab = _lightness_and_colour(x)
            return Coloured(light, ab)
        grey = x.mean(1, keepdim=True)
        return Coloured(grey, x - grey)


@dataclass(frozen=True)
class Channels(View):
    """Each image as `groups` views through different channels, by name (Tian et al. 2020).

    3 channels are lightness and colour of Lab (L, ab), or with 3 groups L, a, b. One channel is its low and its high frequencies.
    Other numbers of channels are split in order.
    """

    groups: int = 2

    def shape(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        c, *sides = shape
        return {name: (width, *sides) for name, width in self._plan(c)}

    def show(self, x: Images, drawn: Any = None) -> dict[str, Images]:
        del drawn
        c = x.shape[1]
        if c == 1:
            low = F.avg_pool2d(x, NEAR, 1, NEAR // 2, count_include_pad=False)
            return {"low": low, "high": x - low}
        named = self._plan(c)
        whole = torch.cat(_lightness_and_colour(x), 1) if c == 3 else x
        return {name: part.clone() for (name, _), part in zip(named, whole.split([width for _, width in named], 1), strict=True)}

    def _plan(self, c: int) -> list[tuple[str, int]]:
        """The name and number of channels of each view."""
        if c == 1:
            return [("low", 1), ("high", 1)]
        if c == 3:
            return [("L", 1), ("ab", 2)] if self.groups == 2 else [("L", 1), ("a", 1), ("b", 1)]
        groups = min(self.groups, c)
        widths = [c // groups + (i < c % groups) for i in range(groups)]
        return [(f"channels {end - width} to {end - 1}", width) for width, end in zip(widths, accumulate(widths), strict=True)]


def _lightness_and_colour(x: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Tensor]:
    """L, and a and b, scaled to about [-1, 1]."""
    light, ab = lab(x).split([1, 2], 1)
    return light / 50.0 - 1.0, ab / AB
