"""An observation cut into what is given and what is asked for: predict any part from any other."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn import functional as F

from allegory.core import Dice, Misuse
from allegory.views.puzzles import Masks
from allegory.views.view import View

PLACES = ("top", "bottom", "left", "right", "centre", "border")
TIMES = ("past", "present", "future")
CHANCE = ("visible", "occluded")
REST = "rest"


class Asked(NamedTuple):
    """`x` (b, *d) as it is; `given` and `of` (b, *d) bool, True where it may be seen and where it is to be said (images: (b, 1, h, w))."""

    x: Tensor
    given: Tensor
    of: Tensor

    @property
    def shown(self) -> Tensor:
        """What may be seen: `x` with 0 where it is not given."""
        return self.x.masked_fill(~self.given, 0.0)


@dataclass(frozen=True)
class Split(View):
    """What is asked for (`of`) and what is `given`, by name; several names are joined by "+", "rest" is all but the other one.

    Images: top, bottom, left, right (halves), centre (the middle half of both sides), border (the other three quarters).
    Vectors (d,) and sequences (c, t), whose last axis is time: past, present, future (thirds).
    Both: occluded, a random `share` of the patches (`patch` pixels a side) or numbers, and visible, the others.
    What is both given and asked for is not asked for.
    """

    of: str = "occluded"
    given: str = "visible"
    share: float = 0.5
    patch: int = 4

    def shape(self, shape: tuple[int, ...]) -> Asked:
        mask = (1, *shape[1:]) if len(shape) == 3 else shape
        return Asked(shape, mask, mask)  # type: ignore[arg-type]

    def show(self, x: Tensor, drawn: Dice) -> Asked:
        if self.of == self.given:
            raise Misuse(f"a part cannot be predicted from itself; got {self.of!r} for both. Name another, or {REST!r}")
        of = None if self.of == REST else self._union(self.of, x, drawn)
        given = None if self.given == REST else self._union(self.given, x, drawn)
        if of is None:
            assert given is not None, "they differ"
            return Asked(x, given, ~given)
        return Asked(x, ~of, of) if given is None else Asked(x, given, of & ~given)

    def _union(self, names: str, x: Tensor, dice: Dice) -> Bool[Tensor, "b *d"]:
        parts = [self._part(name, x, dice) for name in names.split("+")]
        return torch.stack(parts).any(0)

    def _part(self, name: str, x: Tensor, dice: Dice) -> Bool[Tensor, "b *d"]:
        if name in CHANCE:
            hidden = self._occluded(x, dice)
            return hidden if name == "occluded" else ~hidden
        image = x.ndim == 4
        if name not in (PLACES if image else TIMES):
            kinds = "images" if image else "vectors and sequences"
            raise Misuse(f"{kinds} have the parts {', '.join((*(PLACES if image else TIMES), *CHANCE))}; got {name!r}. Name one of these")
        part = _place(name, x.shape[-2], x.shape[-1], x.device) if image else _time(name, x.shape[-1], x.device)
        return part.expand(len(x), *((1, *x.shape[2:]) if image else x.shape[1:]))

    def _occluded(self, x: Tensor, dice: Dice) -> Bool[Tensor, "b *d"]:
        masks = Masks(self.patch, self.share)
        if x.ndim != 4:
            return masks.show(x, dice).mask
        h, w = x.shape[-2:]  # patches that reach over the border are cut
        return masks.show(F.pad(x, (0, -w % self.patch, 0, -h % self.patch)), dice).mask[..., :h, :w]


def _place(name: str, h: int, w: int, device: torch.device) -> Bool[Tensor, "h w"]:
    row, column = torch.arange(h, device=device)[:, None], torch.arange(w, device=device)
    everywhere = torch.ones(h, w, dtype=torch.bool, device=device)
    if name in ("centre", "border"):
        centre = (row >= h // 4) & (row < h - h // 4) & (column >= w // 4) & (column < w - w // 4)
        return centre if name == "centre" else ~centre
    half = {"top": row < h // 2, "bottom": row >= h // 2, "left": column < w // 2, "right": column >= w // 2}
    return half[name] & everywhere


def _time(name: str, t: int, device: torch.device) -> Bool[Tensor, " t"]:
    at, ends = torch.arange(t, device=device), [0, round(t / 3), round(2 * t / 3), t]
    i = TIMES.index(name)
    return (at >= ends[i]) & (at < ends[i + 1])
