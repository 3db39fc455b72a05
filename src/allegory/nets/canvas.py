"""Between pictures and the coarser maps on which something is told of them."""

import math
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.conv import Conv2d
from allegory.nets.deconv import cut
from allegory.nets.init import he

SIDE = 8  # pixels on the shorter side, at most


def halvings(h: int, w: int) -> list[tuple[int, int]]:
    """The sizes from (h, w) to the coarse map: halved once (rounding up), and on until 8 pixels or fewer are left on the shorter side."""
    times = max(1, math.ceil(math.log2(min(h, w) / SIDE)))
    return [(math.ceil(h / 2**k), math.ceil(w / 2**k)) for k in range(times + 1)]


class Shrink(nn.Module):
    """(b, c, h, w) -> (b, width, h', w'): a convolution of stride 2 and a ReLU for each halving."""

    def __init__(self, channels: int, width: int, sizes: list[tuple[int, int]]):
        super().__init__()
        widths = [channels, *[width] * (len(sizes) - 1)]
        self.layers = nn.Sequential(*(m for a, b in pairwise(widths) for m in (Conv2d(a, b, 3, 2, 1), nn.ReLU())))
        he(self)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b width h2 w2"]:
        return self.layers(x)


class Grow(nn.Module):
    """(b, width, h', w') -> (b, c, h, w), real-valued: a transposed convolution for each doubling, cut where `Shrink` rounded up."""

    def __init__(self, width: int, channels: int, sizes: list[tuple[int, int]]):
        super().__init__()
        widths = [*[width] * (len(sizes) - 1), channels]
        self.sizes = sizes[-2::-1]
        self.doublings = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in pairwise(widths))

    def forward(self, x: Float[Tensor, "b width h2 w2"]) -> Float[Tensor, "b c h w"]:
        for i, (doubling, size) in enumerate(zip(self.doublings, self.sizes, strict=True)):
            x = cut(doubling(x.relu() if i else x), size)
        return x


def gaussian_maps(width: int, latent: int) -> nn.Module:
    """(b, width, h, w) -> (b, 2 latent, h, w): means, then log variances, of latents at every place."""
    return Conv2d(width, 2 * latent, 3, padding=1)
