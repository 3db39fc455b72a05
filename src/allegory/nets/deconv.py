"""A decoder of images by transposed convolutions, the mirror of `ConvNet`."""

import math
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.init import he
from allegory.nets.scales import scales


class Deconv(nn.Module):
    """(b, latent) -> (b, c, h, w), real-valued. Kernels of 4 with stride 2 overlap evenly (Odena et al. 2016: no checkerboard).

    Odd sizes: every doubling is cut to the size that `ConvNet` met on its way down.
    """

    def __init__(self, shape: tuple[int, int, int], latent: int):
        super().__init__()
        channels, *size = shape
        plan = scales(*size)[::-1]
        self.coarsest = (plan[0][0], *plan[0][1])
        self.sizes = [finer for _, finer in plan[1:]]
        self.size = tuple(size)
        self.start = nn.Sequential(nn.Linear(latent, math.prod(self.coarsest)), nn.ReLU())
        self.doublings = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for (a, _), (b, _) in pairwise(plan))
        he(self)
        finest, reached = plan[-1]
        self.last = nn.Conv2d(finest, channels, 3, padding=1) if reached == self.size else nn.ConvTranspose2d(finest, channels, 4, 2, 1)

    def forward(self, z: Float[Tensor, "b latent"]) -> Float[Tensor, "b c h w"]:
        x = self.start(z).view(z.shape[0], *self.coarsest)
        for doubling, size in zip(self.doublings, self.sizes, strict=True):
            x = cut(doubling(x), size).relu()
        return cut(self.last(x), self.size)


def cut(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """The upper left part of maps (b, c, h, w), of this height and width."""
    return x[..., : size[0], : size[1]]
