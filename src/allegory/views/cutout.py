"""A hole in the picture."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Dice
from allegory.views.view import View


@dataclass(frozen=True)
class Cutout(View):
    """A square with a uniform centre, `share` of the shorter side wide and cut at the border, set to `fill` (DeVries and Taylor 2017)."""

    share: float = 0.5
    fill: float = 0.0

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Tensor:
        del shape
        return dice.uniform("centre", 2)

    def show(self, x: Float[Tensor, "b c h w"], drawn: Float[Tensor, "b 2"]) -> Float[Tensor, "b c h w"]:
        h, w = x.shape[-2:]
        side = max(1, round(self.share * min(h, w)))
        down = _inside(drawn[:, 0], h, side)
        right = _inside(drawn[:, 1], w, side)
        return x.masked_fill((down[:, :, None] & right[:, None, :])[:, None], self.fill)


def _inside(u: Tensor, n: int, side: int) -> Tensor:
    """(b, n) bool: the `side` pixels around a pixel drawn from n."""
    start = (u * n).floor()[:, None] - side // 2
    at = torch.arange(n, device=u.device)
    return (at >= start) & (at < start + side)
