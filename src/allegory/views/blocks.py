"""Which patches of a picture a method sees, and which blocks of patches it is to tell of."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Dice, Misuse
from allegory.views.view import View

LEAST_SEEN = 0.2  # of the patches


class Blocked(NamedTuple):
    """`x` (b, c, h, w) as it is; `context` (b, k), the patches that may be seen; `targets` (b, m, n), those of m blocks of n patches.

    Patches are numbered row by row.
    """

    x: Tensor
    context: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Blocks(View):
    """Target blocks at random places, and a context without them, of patches of `patch` pixels (Assran et al. 2023, section 3).

    There are `targets` blocks, which may overlap, each upright or lying, with a share of the area in `scale` and sides of a ratio of at
    most `ratio`, if the grid has such. Deviates: in the paper the size of the blocks is drawn for each batch, and the context is a
    large block less the targets, cut to the shortest of the batch. Here a row depends on its own dice only: the size is that nearest
    the middle of `scale`, and the context holds as many of the free patches, drawn without replacement, as every row must have.
    """

    patch: int = 2
    targets: int = 4
    scale: tuple[float, float] = (0.15, 0.2)
    ratio: float = 1.5

    def grid(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Rows and columns of patches; the last ones may reach beyond the picture."""
        return math.ceil(shape[1] / self.patch), math.ceil(shape[2] / self.patch)

    def block(self, rows: int, columns: int) -> tuple[int, int]:
        """Height and width, at most the height, of the block for a grid: its size is nearest to the middle of `scale`."""
        n, wanted = rows * columns, sum(self.scale) / 2 * rows * columns
        sides = range(1, min(rows, columns) + 1)
        fit = [(h, w) for h in sides for w in sides if w <= h <= self.ratio * w and self.targets * h * w <= (1 - LEAST_SEEN) * n]
        if not fit:
            raise Misuse(f"{self.targets} blocks leave too little of {rows} x {columns} patches; take fewer targets or smaller patches")
        return min(fit, key=lambda sides: (abs(sides[0] * sides[1] - wanted), sides[0]))

    def shape(self, shape: Any) -> Any:
        rows, columns = self.grid(shape)
        h, w = self.block(rows, columns)
        return shape, (rows * columns - self.targets * h * w,), (self.targets, h * w)

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> tuple[Int[Tensor, "b k"], Int[Tensor, "b m n"]]:
        rows, columns = self.grid(shape)
        h, w = self.block(rows, columns)
        targets = self._targets(dice, (rows, columns), (h, w))
        n, m = rows * columns, self.targets * h * w
        covered = targets.new_zeros(len(targets), n).scatter(1, targets.flatten(1), 1)
        free_first = (dice.permutation("context", n) + n * covered).argsort(1)
        return free_first[:, : n - m].sort(1).values, targets

    def _targets(self, dice: Dice, grid: tuple[int, int], block: tuple[int, int]) -> Int[Tensor, "b m n"]:
        (rows, columns), (h, w) = grid, block
        lying = dice.chance("lying", 0.5, self.targets)
        height, width = torch.where(lying, w, h), torch.where(lying, h, w)
        place = dice.uniform("places", 2, self.targets)
        top = (place[:, 0] * (rows - height + 1)).long()[:, :, None]
        left = (place[:, 1] * (columns - width + 1)).long()[:, :, None]
        patch = torch.arange(h * w, device=place.device)
        return (top + patch // width[:, :, None]) * columns + left + patch % width[:, :, None]

    def show(self, x: Float[Tensor, "b c h w"], drawn: Any) -> Blocked:
        return Blocked(x, *drawn)
