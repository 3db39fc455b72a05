"""A small convolutional encoder whose depth follows the image's size: fast enough for two CPU cores."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.encoder import Encoder
from allegory.nets.init import he
from allegory.nets.norm import BatchNorm

FINEST = 16
WIDEST = 256


def halvings(h: int, w: int) -> int:
    """How often an image is halved on its way to about 4 pixels on its shorter side, at least twice."""
    return max(2, round(math.log2(min(h, w) / 4)))


def halved(h: int, w: int, times: int) -> tuple[int, int]:
    """The size after convolutions of stride 2, each of which rounds up."""
    return math.ceil(h / 2**times), math.ceil(w / 2**times)


class ConvNet(Encoder):
    """3x3 convolutions that double the width as they halve the image, and the mean over the places: (b, c, h, w) -> (b, out).

    Images up to 16 pixels begin with a layer at full resolution: 1x8x8 goes 64 @ 8x8, 128 @ 4x4, 128 @ 2x2 and ends in 128 numbers.

    `plain`: no BatchNorm, and the last map is laid out flat instead of averaged, so that places are kept and no example meets another:
    for likelihoods and reconstructions (as in Burgess et al. 2018).
    """

    def __init__(self, shape: tuple[int, int, int], plain: bool = False):
        super().__init__()
        channels, h, w = shape
        times = halvings(h, w)
        strides = [2] * times
        widths = [min(WIDEST, 32 * 2**i) for i in range(times)]
        if min(h, w) <= FINEST:
            strides, widths = [1, *strides], [64, *[128] * times]
        layers: list[nn.Module] = []
        for before, width, stride in zip([channels, *widths], widths, strides, strict=False):
            layers.append(nn.Conv2d(before, width, 3, stride, 1, bias=plain))
            layers.extend([nn.ReLU()] if plain else [BatchNorm(width), nn.ReLU()])
        self.plain = plain
        self.layers = nn.Sequential(*layers)
        self.out = widths[-1] * (math.prod(halved(h, w, times)) if plain else 1)
        he(self)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        maps = self.layers(x)  # (b, width, h / 2^k, w / 2^k)
        return maps.flatten(1) if self.plain else maps.mean((2, 3))
