"""The pull of a graph's edges on places, sum_j w_ij f(|y_i - y_j|^2) (y_j - y_i), the same bits for any number of threads.

A graph's rows differ in length. Ordered by falling length and cut into blocks, each is a rectangle with few empty cells: its rows are
summed by one thread each, and nothing is ever added to a place from two sides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

CELLS = 1 << 17  # a rectangle's, so that what it needs stays in the cache

Shape = Callable[[Tensor], Tensor]


def student_pull(square: Tensor) -> Tensor:
    """1 / (1 + d^2): the force of t-SNE's logarithm (van der Maaten and Hinton 2008, equation 5)."""
    return square.add_(1.0).reciprocal_()


@dataclass(frozen=True, eq=False)
class Rows:
    """A graph on n items as rectangles. `order`: which item stands in each row. Each block: its first row, its ends (r, w) as numbers of
    rows, their weights (r, w)."""

    order: Int[Tensor, " n"]
    blocks: Sequence[tuple[int, Tensor, Tensor]]  # rectangles of unlike sizes, which no one type of shapes fits

    @staticmethod
    def of(n: int, i: Int[Tensor, " e"], j: Int[Tensor, " e"], w: Float[Tensor, " e"], cells: int = CELLS) -> "Rows":
        """From edges ordered by (i, j)."""
        length = torch.bincount(i, minlength=n)
        order = torch.argsort(length, descending=True, stable=True)
        place = torch.empty_like(order)
        place[order] = torch.arange(n, device=order.device)
        start = length.cumsum(0) - length
        blocks, row = [], 0
        while row < n:
            widest = max(1, int(length[order[row]]))
            rows = order[row : row + max(1, cells // widest)]
            step = torch.arange(widest, device=order.device)
            there = step < length[rows, None]
            at = torch.where(there, start[rows, None] + step, 0)
            own = torch.arange(row, row + len(rows), device=order.device)[:, None]
            ends, weights = (place[j[at]], w[at]) if len(i) else (own.expand_as(at), torch.zeros_like(at, dtype=w.dtype))
            blocks.append((row, torch.where(there, ends, own).int(), torch.where(there, weights, 0.0)))
            row += len(rows)
        return Rows(order, blocks)

    def pull(self, y: Float[Tensor, "z n"], shape: Shape) -> Float[Tensor, "z n"]:
        """The sum over every row's edges, for places in the order of rows."""
        found = []
        for first, ends, w in self.blocks:
            apart = [axis.index_select(0, ends.view(-1)).view(ends.shape) - axis[first : first + len(ends), None] for axis in y]
            square = apart[0].square()
            for axis in apart[1:]:
                square.addcmul_(axis, axis)
            force = shape(square).mul_(w)
            found.append(torch.stack([axis.mul_(force).sum(1) for axis in apart]))
        return torch.cat(found, 1)
