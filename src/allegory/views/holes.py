"""Holes in images, for a method to fill."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from allegory.core import Dice, Misuse
from allegory.views.puzzles import Masked
from allegory.views.view import View

CELLS = 8  # squares a side over which noise is averaged before a region is cut from it; finer noise gives crumbs, coarser one blob


@dataclass(frozen=True)
class Holes(View):
    """Hides `share` of each image, the same in all channels (Pathak et al. 2016, section 3.3).

    centre: one square in the middle. blocks: `count` squares at random places, which may overlap and then hide less.
    region: an arbitrary shape, here where smooth noise is lowest (as in the authors' code; the paper cuts out outlines of objects).
    """

    kind: Literal["centre", "blocks", "region"] = "region"
    share: float = 0.25
    count: int = 4

    def shape(self, shape: tuple[int, ...]) -> Masked:
        return Masked(shape, (1, *shape[1:]))  # type: ignore[arg-type]

    def show(self, x: Float[Tensor, "b c h w"], drawn: Dice) -> Masked:
        if x.ndim != 4:
            raise Misuse(f"holes are cut into images (c, h, w); got {tuple(x.shape[1:])}. Use Masks or Split for vectors")
        h, w = x.shape[-2:]
        if self.kind == "region":
            return Masked(x, _region(drawn, h, w, self.share))
        count = 1 if self.kind == "centre" else self.count
        tall, wide = (max(1, round(side * (self.share / count) ** 0.5)) for side in (h, w))
        u = drawn.uniform("places", count, 2) if self.kind == "blocks" else torch.full((len(x), 1, 2), 0.5, device=x.device)
        rows, columns = _between(u[..., 0], tall, h), _between(u[..., 1], wide, w)  # (b, count, h), (b, count, w)
        return Masked(x, (rows[..., None] & columns[:, :, None]).any(1, keepdim=True))


def _between(u: Float[Tensor, "b n"], length: int, side: int) -> Bool[Tensor, "b n side"]:
    """True on `length` neighbouring places of `side`, which begin at the share `u` of the places where they can."""
    start = (u * (side - length + 1)).long()[..., None]
    at = torch.arange(side, device=u.device)
    return (at >= start) & (at < start + length)


def _region(dice: Dice, h: int, w: int, share: float) -> Bool[Tensor, "b 1 h w"]:
    """The `share` of the pixels where smooth noise is lowest: noise of every pixel, twice averaged over squares."""
    side = max(2, round(min(h, w) / CELLS))
    noise = dice.uniform("noise", 1, h + 2 * (side - 1), w + 2 * (side - 1))
    for _ in range(2):
        noise = F.avg_pool2d(noise, side, 1)
    return (noise.flatten(1).argsort(1).argsort(1) < round(share * h * w)).view(-1, 1, h, w)
