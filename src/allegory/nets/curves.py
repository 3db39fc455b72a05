"""Increasing maps of one number each, whose numbers a net gives: what a coupling bends its free half by.

A curve of k numbers takes x (b, *d) and raw (b, k, *d), and knows its slope and its inverse.
"""

import abc
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

BOUND, LEAST = 3.0, 1e-3  # of the paper's experiments; shares of the interval, and slopes, are no smaller than this


class Curve(nn.Module, abc.ABC):
    """`numbers`: how many it takes for every number of x. All raw numbers at 0 are the identity."""

    numbers: int

    @abc.abstractmethod
    def forward(self, x: Float[Tensor, "b *d"], raw: Float[Tensor, "b k *d"]) -> tuple[Float[Tensor, "b *d"], Float[Tensor, "b *d"]]:
        """y, and the logarithm of the slope dy/dx."""

    @abc.abstractmethod
    def inverse(self, y: Float[Tensor, "b *d"], raw: Float[Tensor, "b k *d"]) -> Float[Tensor, "b *d"]:
        """The x that `forward` puts at y."""


class Affine(Curve):
    """y = x exp(s) + t, s = gain tanh(raw) with a learned gain a number (Dinh et al. 2017, eq. 5 and section 4.1). `shape`: of the gain."""

    numbers = 2

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(shape))

    def forward(self, x: Float[Tensor, "b *d"], raw: Float[Tensor, "b 2 *d"]) -> tuple[Float[Tensor, "b *d"], Float[Tensor, "b *d"]]:
        s, t = self._read(raw)
        return x * torch.exp(s) + t, s

    def inverse(self, y: Float[Tensor, "b *d"], raw: Float[Tensor, "b 2 *d"]) -> Float[Tensor, "b *d"]:
        s, t = self._read(raw)
        return (y - t) * torch.exp(-s)

    def _read(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        s, t = raw.unbind(1)
        return self.gain * torch.tanh(s), t


class Spline(Curve):
    """`bins` rational-quadratic pieces from (-bound, -bound) to (bound, bound), smooth, and the identity outside (Durkan et al. 2019).

    The numbers: K of the widths, K of the heights (both by a softmax), and K - 1 of the slopes at the inner knots (softplus).
    """

    def __init__(self, bins: int, bound: float = BOUND):
        super().__init__()
        self.bins, self.bound, self.numbers = bins, bound, 3 * bins - 1

    def forward(self, x: Float[Tensor, "b *d"], raw: Float[Tensor, "b k *d"]) -> tuple[Float[Tensor, "b *d"], Float[Tensor, "b *d"]]:
        inside = x.abs() < self.bound
        piece = self._piece(torch.where(inside, x, 0.0), raw, upright=True)
        y, log_slope = piece.at((torch.where(inside, x, 0.0) - piece.x) / piece.w)
        return torch.where(inside, y, x), torch.where(inside, log_slope, 0.0)

    def inverse(self, y: Float[Tensor, "b *d"], raw: Float[Tensor, "b k *d"]) -> Float[Tensor, "b *d"]:
        inside = y.abs() < self.bound
        within = torch.where(inside, y, 0.0)
        piece = self._piece(within, raw, upright=False)
        return torch.where(inside, piece.x + piece.w * piece.back(within), y)

    def _piece(self, v: Tensor, raw: Tensor, upright: bool) -> "Piece":
        """Where each v lies: among the knots' x, or their y."""
        widths, heights, slopes = raw.split((self.bins, self.bins, self.bins - 1), 1)
        xs, ys, ds = self._knots(widths), self._knots(heights), self._slopes(slopes)
        inner = (xs if upright else ys)[:, 1:-1]
        k = (v[:, None] >= inner).sum(1, keepdim=True)
        x, x1, y, y1, d, d1 = (of.gather(1, at)[:, 0] for of in (xs, ys, ds) for at in (k, k + 1))
        return Piece(x, x1 - x, y, y1 - y, d, d1)

    def _knots(self, raw: Float[Tensor, "b k *d"]) -> Float[Tensor, "b k1 *d"]:
        share = LEAST + (1.0 - LEAST * self.bins) * torch.softmax(raw, 1)
        inner = share[:, :-1].cumsum(1)
        ends = torch.zeros_like(share[:, :1])
        return self.bound * (2.0 * torch.cat([ends, inner, ends + 1.0], 1) - 1.0)

    def _slopes(self, raw: Float[Tensor, "b k *d"]) -> Float[Tensor, "b k2 *d"]:
        """1 at both ends, where the identity begins, and for raw numbers at 0."""
        inner = LEAST + F.softplus(raw + math.log(math.expm1(1.0 - LEAST)))
        ends = torch.ones_like(raw.sum(1, keepdim=True))
        return torch.cat([ends, inner, ends], 1)


@dataclass(frozen=True, eq=False)
class Piece:
    """One rational-quadratic piece a number: from (x, y) with slope d, `w` wide and `h` high, to slope d1."""

    x: Tensor
    w: Tensor
    y: Tensor
    h: Tensor
    d: Tensor
    d1: Tensor

    def at(self, xi: Tensor) -> tuple[Tensor, Tensor]:
        """y at the share xi of the width, and the logarithm of the slope there (eq. 4 and 5)."""
        s, both = self.h / self.w, xi * (1.0 - xi)
        below = s + (self.d1 + self.d - 2.0 * s) * both
        y = self.y + self.h * (s * xi.square() + self.d * both) / below
        above = s.square() * (self.d1 * xi.square() + 2.0 * s * both + self.d * (1.0 - xi).square())
        return y, above.log() - 2.0 * below.log()

    def back(self, y: Tensor) -> Tensor:
        """The share xi of the width at which the piece is y high (eq. 6 to 8, and the root that does not cancel)."""
        s, up = self.h / self.w, y - self.y
        bend = up * (self.d1 + self.d - 2.0 * s)
        a, b, c = self.h * (s - self.d) + bend, self.h * self.d - bend, -s * up
        return 2.0 * c / (-b - (b.square() - 4.0 * a * c).clamp_min(0.0).sqrt())
