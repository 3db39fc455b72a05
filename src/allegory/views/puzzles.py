"""Views with an answer: what was turned, what was hidden."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Dice, Misuse
from allegory.views.view import View


class Puzzle(NamedTuple):
    """`x` (b, ...) as shown, and the `answer` (b,) int64 that a method is to find."""

    x: Tensor
    answer: Tensor


class Masked(NamedTuple):
    """`x` (b, *d) as it is, and `mask` (b, *d) bool, True where it is hidden (images: (b, 1, h, w), the same in all channels)."""

    x: Tensor
    mask: Tensor

    @property
    def shown(self) -> Tensor:
        """What may be seen: `x` with 0 where it is hidden."""
        return self.x.masked_fill(self.mask, 0.0)


@dataclass(frozen=True)
class Rotations(View):
    """Each image turned anticlockwise by `answer` quarter turns, uniform on 0 .. 3 (Gidaris et al. 2018)."""

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Tensor:
        del shape
        return dice.integers("turns", 4)

    def show(self, x: Float[Tensor, "b c h w"], drawn: Tensor) -> Puzzle:
        if x.shape[-1] != x.shape[-2]:
            h, w = x.shape[-2:]
            raise Misuse(f"quarter turns need square images; got {h} x {w}. Crop or resize them to squares (ResizedCrop(side={min(h, w)}))")
        out = torch.empty_like(x)
        for turns in range(4):
            turned = torch.rot90(x, turns, (2, 3))
            out = turned if turns == 0 else torch.where((drawn == turns).view(-1, 1, 1, 1), turned, out)
        return Puzzle(out, drawn)


@dataclass(frozen=True)
class Masks(View):
    """Hides round(`share` * n) of the n patches of each image, or of the n features of each vector, drawn without replacement.

    Patches are `patch` x `patch` pixels, as in masked autoencoders (He et al. 2022); the image's sides must be multiples of it.
    """

    patch: int = 4
    share: float = 0.75

    def show(self, x: Float[Tensor, "b *d"], drawn: Dice) -> Masked:
        if x.ndim != 4:
            shape = x.shape[1:]
            return Masked(x, self._hidden(drawn, shape.numel()).view(-1, *shape))
        h, w = x.shape[-2:]
        if h % self.patch or w % self.patch:
            raise Misuse(f"patches of {self.patch} x {self.patch} do not tile images of {h} x {w}; choose a patch that divides both sides")
        hidden = self._hidden(drawn, (h // self.patch) * (w // self.patch))
        grid = hidden.view(-1, 1, h // self.patch, w // self.patch)
        return Masked(x, grid.repeat_interleave(self.patch, 2).repeat_interleave(self.patch, 3))

    def _hidden(self, dice: Dice, n: int) -> Tensor:
        """(b, n) bool with the same number of True in every row."""
        return dice.permutation("patches", n) < round(self.share * n)
