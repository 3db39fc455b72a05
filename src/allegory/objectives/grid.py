"""Sums over all pairs of places in the plane, sum_j K(|y - y_j|), in n log n: by B-splines on a grid and a fast Fourier transform.

Particle-mesh sums as in molecular dynamics (Essmann et al. 1995, "A smooth particle mesh Ewald method", here for a kernel that
is not periodic). Places are spread over the 4 x 4 nodes around them with cubic B-splines, the grid is convolved with the
kernel, and the sum and its gradient are read off with the same splines and their derivatives. Dividing the kernel's transform by that of
the splines, twice, makes it exact where both places are nodes. Places are counted in whole numbers, so that the order of a sum, and with
it the number of threads, changes nothing.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from scipy import fft
from torch import Tensor

from allegory.objectives.sums import PARTS

CELL = 0.4  # of the grid; the kernel's own length is 1. Pushes then err by 1 % in a sparse cloud, by less in a dense one
FEWEST = 32  # cells a side
MARGIN = 3  # nodes beyond the outermost places

Kernel = Callable[[Tensor, float], Tensor]


def student(square: Tensor, span: float) -> Tensor:
    """1 / (1 + d^2), less what it is at the far end `span`: so that in a small cloud the digits go to the differences."""
    return (span**2 - square) / ((1.0 + square) * (1.0 + span**2))


@dataclass(frozen=True, eq=False)
class Field:
    """The potential of some places, by which new places can be judged: nodes (cells, cells), the first corner, and the size of a cell."""

    nodes: Float[Tensor, "c c"]
    corner: Float[Tensor, "2"]
    cell: float
    offset: float  # what the kernel was lessened by, times the number of places

    def at(self, y: Float[Tensor, "2 n"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "2 n"]]:
        """The sum at every place, and its gradient. Places beyond the grid are judged as at its rim."""
        first, w, slope = _splines((y - self.corner[:, None]) / self.cell, len(self.nodes))
        flat, across = self.nodes.flatten(), len(self.nodes)
        value, down, right = (torch.zeros_like(y[0]) for _ in range(3))
        for a in range(4):
            row, row_slope = torch.zeros_like(value), torch.zeros_like(value)
            for b in range(4):
                g = flat.index_select(0, first + (a * across + b))
                row.addcmul_(g, w[1, b])
                row_slope.addcmul_(g, slope[1, b])
            value.addcmul_(row, w[0, a])
            down.addcmul_(row, slope[0, a])
            right.addcmul_(row_slope, w[0, a])
        return value + self.offset, torch.stack([down, right]) / self.cell


def field(y: Float[Tensor, "2 n"]) -> Field:
    """The field sum_j 1 / (1 + |y - y_j|^2) of all places, each y_j among its own."""
    low, high = y.amin(1), y.amax(1)
    span = max(float((high - low).max()), 1e-30)
    cell = min(CELL, 2.0 ** math.ceil(math.log2(span / FEWEST)))
    cells = _handy(math.ceil(span / cell) + 1 + 2 * MARGIN)
    corner = ((low + high) / 2.0 / cell).round() * cell - cell * (cells // 2)
    reach = 2.0 ** math.ceil(math.log2(cell * cells))
    first, w, _ = _splines((y - corner[:, None]) / cell, cells)
    counts = torch.zeros(cells * cells, dtype=torch.int64, device=y.device)
    for a in range(4):
        for b in range(4):
            counts.index_add_(0, first + (a * cells + b), (w[0, a] * w[1, b] * PARTS).round().long())
    charge = (counts.double() / PARTS).to(y.dtype).view(cells, cells)
    kernel = _kernel(cells, cell, reach, y.dtype, y.device)
    side = 2 * cells
    nodes = torch.fft.irfft2(torch.fft.rfft2(charge, s=(side, side)) * kernel, s=(side, side))[:cells, :cells]
    return Field(nodes.contiguous(), corner, cell, y.shape[1] / (1.0 + reach**2))


@lru_cache(maxsize=4)
def _kernel(cells: int, cell: float, reach: float, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "s h"]:
    """The transform of the kernel on twice the grid, divided by the splines' own on both sides."""
    steps = torch.arange(2 * cells, dtype=torch.float64)
    steps = torch.minimum(steps, 2 * cells - steps) * cell
    square = steps.square()[:, None] + steps.square()[None]
    spline = (4.0 + 2.0 * (torch.arange(2 * cells, dtype=torch.float64) * (math.pi / cells)).cos()) / 6.0
    found = torch.fft.rfft2(student(square, reach)).real / (spline[:, None] * spline[None, : cells + 1]).square()
    return found.to(dtype).to(device)


@lru_cache(maxsize=256)
def _handy(cells: int) -> int:
    """At least as many cells, for which the transform is quick; few different numbers, so that kernels can be kept."""
    return int(fft.next_fast_len(math.ceil(cells / 16) * 16, real=True))


def _splines(u: Float[Tensor, "2 n"], cells: int) -> tuple[Int[Tensor, " n"], Float[Tensor, "2 4 n"], Float[Tensor, "2 4 n"]]:
    """For places in cells: the number of the first of 4 x 4 nodes, the cubic B-splines there, and their slopes."""
    u = u.clamp(1.0, cells - 2.0 - 1e-3)
    whole = u.floor()
    t = u - whole
    s = 1.0 - t
    w = torch.stack([s**3 / 6.0, (4.0 - 6.0 * t**2 + 3.0 * t**3) / 6.0, (4.0 - 6.0 * s**2 + 3.0 * s**3) / 6.0, t**3 / 6.0], 1)
    slope = torch.stack([-(s**2) / 2.0, (3.0 * t**2 - 4.0 * t) / 2.0, (4.0 * s - 3.0 * s**2) / 2.0, t**2 / 2.0], 1)
    first = (whole[0].long() - 1) * cells + whole[1].long() - 1
    return first, w, slope
