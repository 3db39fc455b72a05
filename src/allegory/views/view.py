"""What a view is: a frozen value that draws for every example, then shows what was drawn.

    drawn = view.draw(dice, shape)   all randomness, for examples of `shape`: parameters with one row an example
    view.show(x, drawn)              a pure function, row by row
    view(x, dice)                    both

The two halves make three things possible: a run of geometric views becomes one resampling, pixels can be tested apart from
parameters, and a large batch passes through all its views in pieces that stay in the processor's cache.
"""

import abc
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from allegory.core import Dice, Tree, tree

CPU = "cpu"
CACHE_BYTES = 3 << 19  # pieces of 1.5 MB: smaller ones spend their time on calls, larger ones on memory (3x32x32 and 3x96x96)


@dataclass(frozen=True)
class View(abc.ABC):
    """Shows a batch. Images are (b, c, h, w) floats in [-1, 1]; row i of the result depends on row i and its dice only."""

    def __call__(self, x: Tree, dice: Dice) -> Tree:
        drawn = self.draw(dice, tree.map(lambda leaf: leaf.shape[1:], x))
        first, *more = _pieces(x)
        shown = self.show(tree.take(x, first), rows(drawn, first))
        if not more:
            return shown
        n = tree.length(x)
        whole = tree.map(lambda leaf: leaf.new_empty(n, *leaf.shape[1:]), shown)
        tree.map(lambda out, leaf: out[first].copy_(leaf), whole, shown)
        for piece in more:
            shown = self.show(tree.take(x, piece), rows(drawn, piece))
            tree.map(lambda out, leaf, piece=piece: out[piece].copy_(leaf), whole, shown)
        return whole

    def draw(self, dice: Dice, shape: Any) -> Any:
        """What chance decides, one row an example. `shape`: that of one example, (c, h, w); a dict of shapes for `Parts`.

        A view that draws as many numbers as there are in x keeps the dice, and draws where the numbers are used.
        """
        del shape
        return dice

    @abc.abstractmethod
    def show(self, x: Tree, drawn: Any) -> Tree:
        """The view of `x` for these draws: `x` itself or new memory. Never writes into `x`."""

    def show_(self, x: Tree, drawn: Any) -> Tree:
        """As `show`, for an `x` that nobody else reads: may write into it and return it."""
        return self.show(x, drawn)

    def shape(self, shape: Any) -> Any:
        """The shape of the view of an example of `shape`."""
        return shape


@dataclass(frozen=True)
class Identity(View):
    """The observation itself."""

    def show(self, x: Tree, drawn: Any) -> Tree:
        del drawn
        return x


def rows(drawn: Any, index: Any) -> Any:
    """Some examples' part of what was drawn."""
    if isinstance(drawn, Dice):
        return drawn.take(index)
    if isinstance(drawn, tuple):
        return tuple(rows(part, index) for part in drawn)
    return drawn[index]


def put(x: Tensor, chosen: Tensor, show: Callable[[Tensor, Any], Tensor], drawn: Any) -> Tensor:
    """`x` with `show(x, drawn)` in its `chosen` rows, (b,) bool.

    The CPU computes only those. An accelerator would have to wait for their number, so there all rows are computed and then
    chosen from; the result is the same.
    """
    if x.device.type != CPU:
        return torch.where(chosen.view(-1, *[1] * (x.ndim - 1)), show(x, drawn), x)
    index = chosen.nonzero()[:, 0]
    if len(index) == 0:
        return x
    shown = show(x.index_select(0, index), rows(drawn, index))
    if len(index) == len(x):
        return shown
    rest = (~chosen).nonzero()[:, 0]
    # Joined and then put in order: index_select copies whole rows, index_copy number by number, five times as slow.
    return torch.cat([shown, x.index_select(0, rest)]).index_select(0, torch.cat([index, rest]).argsort())


def _pieces(x: Tree) -> Iterator[slice]:
    """Slices of the batch that fit into the cache; the whole batch on an accelerator."""
    n, leaves = tree.length(x), list(tree.leaves(x))
    if leaves[0].device.type != CPU or n == 0:
        yield slice(0, n)
        return
    row = sum(leaf.element_size() * math.prod(leaf.shape[1:]) for leaf in leaves)
    size = max(1, CACHE_BYTES // max(1, row))
    for start in range(0, n, size):
        yield slice(start, start + size)
