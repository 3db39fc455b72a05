"""Fully connected nets: encoder and decoder of vectors, and the heads that objectives are taken on."""

import math
from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.encoder import Encoder
from allegory.nets.init import he
from allegory.nets.norm import BatchNorm

HIDDEN = (256, 256)


def _layer(inputs: int, outputs: int, norm: bool) -> list[nn.Module]:
    """Linear, BatchNorm if wanted (which then holds the bias), ReLU."""
    return [nn.Linear(inputs, outputs, bias=not norm), *([BatchNorm(outputs)] if norm else []), nn.ReLU()]


def head(sizes: Sequence[int], norm: bool = True) -> nn.Sequential:
    """The projection or prediction head of SimCLR (Chen et al. 2020) and BYOL (Grill et al. 2020): (b, sizes[0]) -> (b, sizes[-1]).

    Hidden layers have BatchNorm (if `norm`) and ReLU; the last layer is linear.
    """
    hidden = [m for a, b in pairwise(sizes[:-1]) for m in _layer(a, b, norm)]
    net = nn.Sequential(*hidden)
    he(net)
    return net.append(nn.Linear(sizes[-2], sizes[-1]))


class MLP(Encoder):
    """Encoder of an array of any shape by fully connected ReLU layers: (b, *shape) -> (b, out)."""

    def __init__(self, shape: tuple[int, ...], hidden: Sequence[int] = HIDDEN, norm: bool = True):
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
        self.layers = head((latent, *hidden, math.prod(shape)), norm=False)

    def forward(self, z: Float[Tensor, "b latent"]) -> Float[Tensor, "b *shape"]:
        return self.layers(z).view(z.shape[0], *self.shape)
