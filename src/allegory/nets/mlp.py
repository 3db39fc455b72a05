"""Fully connected nets: encoder and decoder of vectors, and the heads that objectives are taken on."""

import math
from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.encoder import Encoder
from allegory.nets.init import he
from allegory.nets.norm import Norm, norms

HIDDEN = (256, 256)


def _layer(inputs: int, outputs: int, norm: Norm) -> list[nn.Module]:
    """Linear, a norm if wanted (which then holds the bias), ReLU. A group is the whole layer."""
    return [nn.Linear(inputs, outputs, bias=norm == "none"), *norms(norm, outputs, groups=1), nn.ReLU()]


def head(sizes: Sequence[int], norm: Norm = "batch", last: Norm = "none") -> nn.Sequential:
    """The projection or prediction head of SimCLR (Chen et al. 2020) and BYOL (Grill et al. 2020): (b, sizes[0]) -> (b, sizes[-1]).

    Hidden layers have a norm and ReLU; the last layer is linear, with a norm of its own, without gain and shift, where `last` says so.
    """
    hidden = [m for a, b in pairwise(sizes[:-1]) for m in _layer(a, b, norm)]
    net = nn.Sequential(*hidden)
    he(net)
    return net.extend([nn.Linear(sizes[-2], sizes[-1], bias=last == "none"), *norms(last, sizes[-1], groups=1, affine=False)])


class MLP(Encoder):
    """Encoder of an array of any shape by fully connected ReLU layers: (b, *shape) -> (b, out)."""

    def __init__(self, shape: tuple[int, ...], hidden: Sequence[int] = HIDDEN, norm: Norm = "batch"):
        super().__init__()
        sizes = (math.prod(shape), *hidden)
        self.out = sizes[-1]
        self.layers = nn.Sequential(*(m for a, b in pairwise(sizes) for m in _layer(a, b, norm)))
        he(self)

    def forward(self, x: Float[Tensor, "b *shape"]) -> Float[Tensor, "b out"]:
        return self.layers(x.reshape(x.shape[0], -1))


class MLPDecoder(nn.Module):
    """(b, latent) -> (b, *shape), real-valued."""

    def __init__(self, shape: tuple[int, ...], latent: int, hidden: Sequence[int] = HIDDEN):
        super().__init__()
        self.shape = shape
        self.layers = head((latent, *hidden, math.prod(shape)), norm="none")

    def forward(self, z: Float[Tensor, "b latent"]) -> Float[Tensor, "b *shape"]:
        return self.layers(z).view(z.shape[0], *self.shape)
