"""Overlapping windows of an image or a series, in their order."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Dice, Misuse
from allegory.views.view import View


@dataclass(frozen=True)
class Windows(View):
    """Windows of `size` pixels a side (or `size` times), one every `stride`: (b, rows, columns, c, *window).

    Images (b, c, h, w) give (b, rows, columns, c, size, size). Series (b, c, t) and vectors (b, d), which are series of one channel,
    give one column, (b, windows, 1, c, size). What is left at the end is not shown. `view` changes each window by chance of its own,
    so that neighbours cannot be told by colour or light (Henaff et al. 2020: patch-based augmentation); it keeps the shape.
    """

    size: int = 4
    stride: int = 2
    view: View | None = None

    def show(self, x: Float[Tensor, "b *d"], drawn: Dice) -> Float[Tensor, "b rows columns c *window"]:
        cut = self.cut(x)
        if self.view is None:
            return cut
        rows, columns = cut.shape[1:3]
        flat = self.view(cut.flatten(0, 2), _each_window(drawn, rows * columns))
        return flat.view(len(x), rows, columns, *flat.shape[1:])

    def cut(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b rows columns c *window"]:
        """The windows as they are."""
        self.shape(tuple(x.shape[1:]))
        if x.ndim == 4:
            return x.unfold(2, self.size, self.stride).unfold(3, self.size, self.stride).permute(0, 2, 3, 1, 4, 5).contiguous()
        series = x[:, None] if x.ndim == 2 else x
        return series.unfold(2, self.size, self.stride).transpose(1, 2)[:, :, None].contiguous()

    def shape(self, shape: Any) -> tuple[int, ...]:
        channels, sides = (1, shape) if len(shape) == 1 else (shape[0], shape[1:])
        if min(sides) < self.size:
            raise Misuse(f"windows of {self.size} are larger than {'x'.join(map(str, sides))}; choose a smaller window")
        counts = tuple((side - self.size) // self.stride + 1 for side in sides)
        return (*counts, *(1,) * (2 - len(counts)), channels, *(self.size,) * len(sides))


def _each_window(dice: Dice, n: int) -> Dice:
    """Dice for `n` windows of every example, example by example."""
    return Dice(torch.stack([dice.split(i).keys for i in range(n)], 1).flatten(), dice.root)
