"""Chains of bijections from observations to flat codes of as many numbers: couplings, whose halves take turns."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from allegory.nets.bijections import Bijection, Chain, Coupling, Flat, Mixing, Scale, Scales, Squeeze
from allegory.nets.conv import Conv2d
from allegory.nets.curves import Curve
from allegory.nets.init import he
from allegory.nets.mlp import head

COARSEST = 4  # images are not squeezed below this side (Dinh et al. 2017, section 4.1)

CurveOf = Callable[[tuple[int, ...]], Curve]  # of the shape of what is learned of a curve: a number each, or a channel each (c, 1, 1)


class ConvConditioner(nn.Module):
    """(b, c, h, w) -> (b, out, h, w) by residual blocks of `width` channels, without norms; at first all zeros."""

    def __init__(self, channels: int, out: int, width: int, blocks: int):
        super().__init__()
        self.first = Conv2d(channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.ReLU(), Conv2d(width, width, 1), nn.ReLU(), Conv2d(width, width, 3, padding=1)) for _ in range(blocks)
        )
        self.last = Conv2d(width, out, 1)
        he(self)
        _silence(self.last)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out h w"]:
        y = self.first(x)
        for block in self.blocks:
            y = y + block(y)
        out: Tensor = self.last(y.relu())
        return out


def _silence(last: nn.Linear | nn.Conv2d) -> None:
    """Zeros, so that every coupling begins as the identity (Kingma and Dhariwal 2018, 3.3)."""
    nn.init.zeros_(last.weight)
    if last.bias is not None:
        nn.init.zeros_(last.bias)


def halves(d: int, i: int) -> Bool[Tensor, " d"]:
    """Every second of `d` numbers; the other ones for odd `i`."""
    return torch.arange(d) % 2 == i % 2


def drawn_halves(d: int, n: int) -> list[Bool[Tensor, " d"]]:
    """`n` halves of `d` numbers: drawn, then the other half, then drawn anew ..., so that no number stays for more than two couplings."""
    drawn = [halves(d, 0)[torch.argsort(nn.init.uniform_(torch.empty(d)))] for _ in range(math.ceil(n / 2))]
    return [drawn[i // 2] ^ (i % 2 == 1) for i in range(n)]


def checkerboard(shape: tuple[int, ...], i: int) -> Bool[Tensor, "c h w"]:
    """Every second pixel, all its channels; the other ones for odd `i`."""
    c, h, w = shape
    return ((torch.arange(h)[:, None] + torch.arange(w)) % 2 == i % 2).expand(c, h, w).clone()


def half_of_channels(shape: tuple[int, ...], i: int) -> Bool[Tensor, "c h w"]:
    """The first half of the channels; the other one for odd `i`."""
    c, h, w = shape
    return ((torch.arange(c) < c // 2) ^ (i % 2 == 1))[:, None, None].expand(c, h, w).clone()


@dataclass(frozen=True)
class Couplings:
    """What a flow is made of: `couplings` of curves whose numbers come from nets of `width`, with `blocks` hidden layers or blocks.

    `mixing`: learned linear maps between the couplings. Images have `couplings` of either pattern at each scale, and one more of
    checkerboards at the coarsest.
    """

    curve: CurveOf
    couplings: int
    width: int
    blocks: int
    mixing: bool

    def of(self, shape: tuple[int, ...]) -> Bijection:
        """(b, *shape) -> (b, d): scales for images (c, h, w), else of the numbers laid out flat."""
        return self.of_images(shape) if len(shape) == 3 else Chain([Flat(shape), self.of_vectors(math.prod(shape))])

    def of_vectors(self, d: int) -> Bijection:
        kept = [halves(d, i) for i in range(self.couplings)] if self.mixing else drawn_halves(d, self.couplings)
        layers: list[Bijection] = []
        for each in kept:
            curve = self.curve((d,))
            net = head((d, *[self.width] * self.blocks, curve.numbers * d), norm="none")
            last = net[-1]
            assert isinstance(last, nn.Linear)
            _silence(last)
            layers += [*([Mixing(d)] if self.mixing else []), Coupling(each, net, curve), Scale((d,))]
        return Chain(layers)

    def of_images(self, shape: tuple[int, ...]) -> Bijection:
        scales, shapes = [], []
        c, h, w = shape
        while h % 2 == w % 2 == 0 and min(h, w) > COARSEST:
            fine, coarse = (c, h, w), (4 * c, h // 2, w // 2)
            scales.append(Chain([*self._steps(checkerboard, fine), Squeeze(), *self._steps(half_of_channels, coarse)]))
            c, h, w = 2 * c, h // 2, w // 2
            shapes.append((c, h, w))
        scales.append(Chain(self._steps(checkerboard, (c, h, w), more=1)))
        return Scales(scales, (*shapes, (c, h, w)))

    def _steps(
        self, kept: Callable[[tuple[int, ...], int], Bool[Tensor, "c h w"]], shape: tuple[int, ...], more: int = 0
    ) -> list[Bijection]:
        c, layers = shape[0], list[Bijection]()
        for i in range(self.couplings + more):
            curve = self.curve((c, 1, 1))
            net = ConvConditioner(c, curve.numbers * c, self.width, self.blocks)
            layers += [*([Mixing(c)] if self.mixing and c > 1 else []), Coupling(kept(shape, i), net, curve), Scale((c, 1, 1))]
        return layers
