"""Images cut into a grid of patches, and the two puzzles made of them: put them in order, or say where one lies beside another."""

import math
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, permutations
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Dice, Misuse
from allegory.views.draws import constant
from allegory.views.puzzles import Puzzle
from allegory.views.view import Identity, View

FAINTEST = 0.05  # standard deviation, in pixels of [-1, 1], below which a patch counts as blank and is not stretched further
LARGEST = 3  # patches a side: 9! orders can be listed, 16! cannot
BESIDE = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))  # (down, right) of the answers 0 .. 7

Images = Float[Tensor, "b c h w"]
Cells = Int[Tensor, "b v"]
Drawn = tuple[Tensor, Tensor, Dice]


@dataclass(frozen=True)
class Patches(View):
    """The patches of a `grid` x `grid` lattice over each image, row by row: (b, grid * grid, c, p, q).

    share: side of a patch in sides of its cell (64 / 75 in Noroozi and Favaro 2016); the rest is the gap to the neighbours.
    jitter: how much of that room a patch may wander in, each for itself (1: anywhere in its cell). normalise: every channel of a patch
    gets mean 0 and standard deviation 1, so that borders and light do not give its place away. drop: all channels of a patch but one
    become faint noise, against chromatic aberration (Doersch et al. 2015, section 4).
    """

    grid: int = 3
    share: float = 0.85
    jitter: float = 1.0
    normalise: bool = True
    drop: bool = False

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Drawn:
        return self.wander(dice, shape, self.grid**2)

    def show(self, x: Images, drawn: Drawn) -> Float[Tensor, "b v c p q"]:
        return self.at(x, self.cells(x), drawn)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.grid**2, shape[0], *(self.side(length) for length in shape[1:])

    def still(self, x: Images) -> Float[Tensor, "b v c p q"]:
        """All patches, each in the middle of its cell, in all their colours: what is seen of an image when nothing is left to chance."""
        return self._finished(_cut(x, *self._corners(x, self.cells(x), None), self.sides(x)))

    def wander(self, dice: Dice, shape: tuple[int, ...], n: int) -> Drawn:
        """What chance decides for `n` patches of each image: their places in their cells, the channels that they keep, and noise."""
        return dice.uniform("place", n, 2), dice.integers("channel", shape[0], n), dice.split("noise")

    def at(self, x: Images, cells: Cells, drawn: Drawn) -> Float[Tensor, "b v c p q"]:
        """The patches of each image in the `cells` (numbered row by row) of its own row."""
        places, channel, dice = drawn
        patches = _cut(x, *self._corners(x, cells, places), self.sides(x))
        if self.drop and x.shape[1] > 1:
            patches = _of_one_colour(patches, channel, dice)
        return self._finished(patches)

    def cells(self, x: Tensor) -> Cells:
        """The numbers of all cells, for each image."""
        return torch.arange(self.grid**2, device=x.device).expand(len(x), -1)

    def side(self, length: int) -> int:
        """The side of a patch where the image's is `length`."""
        cell = length // self.grid
        if cell < 1:
            raise Misuse(f"a grid of {self.grid} needs images of at least {self.grid} pixels a side; got {length}. Choose a smaller grid")
        return max(min(2, cell), round(self.share * cell))  # one pixel alone shows nothing

    def sides(self, x: Tensor) -> tuple[int, int]:
        """Height and width of the patches of `x`."""
        return self.side(x.shape[-2]), self.side(x.shape[-1])

    def _corners(self, x: Tensor, cells: Cells, places: Tensor | None) -> tuple[Cells, Cells]:
        """The first row and the first column of the patches in `cells`; without `places` they lie in the middle."""
        found = []
        for axis, (of, length) in enumerate(((cells // self.grid, x.shape[-2]), (cells % self.grid, x.shape[-1]))):
            cell = length // self.grid
            first = of * (length - cell) // max(1, self.grid - 1)  # the cells reach from one border to the other
            slack = cell - self.side(length)
            moves = 0 if places is None else round(self.jitter * slack)
            first = first + (slack - moves) // 2
            found.append(first if places is None else first + (places[..., axis] * (moves + 1)).long().clamp(max=moves))
        return found[0], found[1]

    def _finished(self, patches: Float[Tensor, "b v c p q"]) -> Float[Tensor, "b v c p q"]:
        if not self.normalise:
            return patches
        centred, deviation = _standard(patches)
        return centred / deviation.clamp_min(FAINTEST)


def _standard(patches: Float[Tensor, "b v c p q"]) -> tuple[Float[Tensor, "b v c p q"], Float[Tensor, "b v c 1 1"]]:
    """Every channel of a patch less its mean, and its standard deviation."""
    centred = patches - patches.mean((3, 4), keepdim=True)
    return centred, centred.square().mean((3, 4), keepdim=True).sqrt()


def _cut(x: Images, top: Cells, left: Cells, sides: tuple[int, int]) -> Float[Tensor, "b v c p q"]:
    """The patches of `sides` whose first pixels lie at (top, left), in one gather."""
    (b, c, _, w), v = x.shape, top.shape[1]
    down, right = (torch.arange(side, device=x.device) for side in sides)
    pixel = (top[..., None, None] + down[:, None]) * w + left[..., None, None] + right  # (b, v, p, q)
    flat = x.flatten(2).gather(2, pixel.view(b, 1, v * sides[0] * sides[1]).expand(-1, c, -1))
    return flat.view(b, c, v, *sides).transpose(1, 2).contiguous()


def _of_one_colour(patches: Float[Tensor, "b v c p q"], channel: Cells, dice: Dice) -> Float[Tensor, "b v c p q"]:
    """Patches whose channels but `channel` are Gaussian noise, with a hundredth of that channel's standard deviation."""
    _, v, c, p, q = patches.shape
    kept = torch.arange(c, device=patches.device) == channel[..., None]  # (b, v, c)
    of_kept = (_standard(patches)[1] * kept[..., None, None]).sum(2, keepdim=True)  # (b, v, 1, 1, 1)
    noise = 0.01 * of_kept * dice.normal("noise", v, c, p, q).to(patches.dtype)
    return torch.where(kept[..., None, None], patches, noise)


@dataclass(frozen=True)
class Jigsaws(View):
    """The patches of each image in one of `permutations` orders, whose number is the answer (Noroozi and Favaro 2016).

    The orders lie far apart, see `orders`. The puzzle's x: (b, 9, c, p, q) for a grid of 3; place i shows patch order[i].
    """

    patches: Patches = Patches()
    permutations: int = 64

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> tuple[Tensor, Drawn]:
        return dice.integers("order", self.permutations), self.patches.draw(dice, shape)

    def show(self, x: Images, drawn: tuple[Tensor, Drawn]) -> Puzzle:
        answer, of = drawn
        known = torch.from_numpy(orders(self.patches.grid, self.permutations)).to(x.device)
        return Puzzle(self.patches.at(x, known[answer], of), answer)

    def shape(self, shape: tuple[int, ...]) -> Puzzle:
        return Puzzle(self.patches.shape(shape), ())  # type: ignore[arg-type]  # a tree of shapes


@lru_cache(maxsize=8)
def orders(grid: int, n: int) -> np.ndarray:
    """`n` orders of grid * grid patches, (n, grid * grid) int64, chosen for a large mean Hamming distance (algorithm 1 of the paper).

    Deviates: the first is the identity where the paper draws one, and of several orders that are equally far on average the one is
    taken whose nearest neighbour is farthest, then the first in the dictionary; so the set is the same everywhere.
    """
    places = grid * grid
    if not 1 < grid <= LARGEST or not 1 < n <= math.factorial(places):
        raise Misuse(f"a jigsaw has a grid of 2 or 3 and 2 to (grid * grid)! permutations; got a grid of {grid} and {n} permutations")
    every = np.fromiter(chain.from_iterable(permutations(range(places))), dtype=np.int8).reshape(-1, places).T.copy()  # by columns
    total, nearest = np.zeros(every.shape[1], dtype=np.int32), np.full(every.shape[1], places, dtype=np.int8)
    chosen = [0]
    for _ in range(n - 1):
        apart = (every != every[:, chosen[-1:]]).sum(0, dtype=np.int8)
        total, nearest = total + apart, np.minimum(nearest, apart)
        total[chosen[-1]] = -n * places  # never again
        chosen.append(int(np.argmax(total * (places + 1) + nearest)))
    return every[:, chosen].T.astype(np.int64)


@dataclass(frozen=True)
class RelativePositions(View):
    """A patch and one of its 8 neighbours, whose direction is the answer (Doersch et al. 2015): x (b, 2, c, p, q).

    The first patch is the middle one of 3 x 3 cells that lie anywhere in the grid. Answers go row by row from up-left, 0, to
    down-right, 7. The patches are as large in their cells as in the paper: 96 pixels of 144, moved by up to 7.
    """

    patches: Patches = Patches(share=2 / 3, jitter=0.3, drop=True)

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Drawn]:
        inner = self.patches.grid - 2
        if inner < 1:
            raise Misuse(f"neighbours on all sides need a grid of at least 3; got {self.patches.grid}")
        return dice.integers("direction", 8), dice.integers("middle", inner * inner), self.patches.wander(dice, shape, 2)

    def show(self, x: Images, drawn: tuple[Tensor, Tensor, Drawn]) -> Puzzle:
        answer, middle, of = drawn
        grid = self.patches.grid
        here = (middle // (grid - 2) + 1) * grid + middle % (grid - 2) + 1
        steps = constant(tuple(down * grid + right for down, right in BESIDE), torch.int64, x.device)
        return Puzzle(self.patches.at(x, torch.stack([here, here + steps[answer]], 1), of), answer)

    def shape(self, shape: tuple[int, ...]) -> Puzzle:
        return Puzzle((2, *self.patches.shape(shape)[1:]), ())  # type: ignore[arg-type]  # a tree of shapes


class InPieces(NamedTuple):
    """A view of the whole `image` (b, c, h, w), and `patches` (b, v, c, p, q) of another view of it, in some order."""

    image: Tensor
    patches: Tensor


@dataclass(frozen=True)
class WholeAndPatches(View):
    """What PIRL compares (Misra and van der Maaten 2020): `whole` of an image, and the patches of `puzzle` of it, without the answer."""

    whole: View = field(default_factory=Identity)
    puzzle: View = Jigsaws()

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> tuple[object, object]:
        return self.whole.draw(dice.split("whole"), shape), self.puzzle.draw(dice.split("puzzle"), shape)

    def show(self, x: Images, drawn: tuple[object, object]) -> InPieces:
        return InPieces(self.whole.show(x, drawn[0]), self.puzzle.show(x, drawn[1]).x)

    def shape(self, shape: tuple[int, ...]) -> InPieces:
        return InPieces(self.whole.shape(shape), self.puzzle.shape(shape).x)
