"""A small convolutional encoder whose depth follows the image's size: fast enough for two CPU cores.

On digits (40 epochs of SimCLR, one seed, a probe with 1 label a class): 32-64-128 channels .72, with the second layer at the coarsest
scale .76 in 1.1 times the time, 64-128-128 .73 in 1.8 times.
"""

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.conv import Conv2d
from allegory.nets.encoder import Encoder, last_of_each_size
from allegory.nets.init import he
from allegory.nets.norm import Norm, norms
from allegory.nets.scales import scales


class ConvNet(Encoder):
    """One 3x3 convolution a scale, two at the coarsest, and the mean over the places: (b, c, h, w) -> (b, out).

    1x8x8 goes 32 @ 8x8, 64 @ 4x4, 128 @ 2x2, 128 @ 2x2 and ends in 128 numbers.

    `norm`: after each convolution. `plain`: none, and the last map is laid out flat instead of averaged, so that places are kept and
    no example meets another: for likelihoods and reconstructions (as in Burgess et al. 2018).
    """

    def __init__(self, shape: tuple[int, int, int], norm: Norm = "batch", plain: bool = False):
        super().__init__()
        before, size = shape[0], shape[1:]
        plan = scales(*size)
        width, (h, w) = plan[-1]
        layers: list[nn.Module] = []
        for after, smaller in [*plan, plan[-1]]:
            kind: Norm = "none" if plain else norm
            layers += [
                Conv2d(before, after, 3, 1 if smaller == size else 2, 1, bias=kind == "none"),
                *norms(kind, after),
                nn.ReLU(inplace=True),
            ]
            before, size = after, smaller
        self.plain, self.any_size = plain, not plain
        self.layers = nn.Sequential(*layers)
        self.out = width * h * w if plain else width
        he(self)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        return self.read(self.layers(x))

    def maps(self, x: Float[Tensor, "b c h w"]) -> tuple[Tensor, ...]:
        return last_of_each_size(self.layers, x)

    def read(self, coarsest: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        return coarsest.flatten(1) if self.plain else super().read(coarsest)
