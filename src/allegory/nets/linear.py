"""Nets without a hidden layer, to compare the others with: what is linear in the observation, or in the code."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.encoder import Encoder


class Flat(Encoder):
    """All numbers of an array side by side: (b, *shape) -> (b, out). A linear layer on it makes a linear code."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.out = math.prod(shape)

    def forward(self, x: Float[Tensor, "b *shape"]) -> Float[Tensor, "b out"]:
        return x.reshape(x.shape[0], -1)


class LinearDecoder(nn.Module):
    """(b, latent) -> (b, *shape) by one matrix and a constant."""

    def __init__(self, shape: tuple[int, ...], latent: int):
        super().__init__()
        self.shape = shape
        self.layer = nn.Linear(latent, math.prod(shape))

    def forward(self, z: Float[Tensor, "b latent"]) -> Float[Tensor, "b *shape"]:
        return self.layer(z).view(z.shape[0], *self.shape)
