"""Items and their places: what a neighbour embedding learns."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory.measures.neighbours import nearest_of

NUMBERS = 1 << 22  # differences held at once


class Placed(nn.Module):
    """Buffers: the training items `X` (n, d) and their places `Y` (n, z). Equal items have equal places."""

    X: Tensor
    Y: Tensor

    def __init__(self, shape: tuple[int, ...], n: int, z: int):
        super().__init__()
        self.register_buffer("X", torch.zeros(n, math.prod(shape)))
        self.register_buffer("Y", torch.zeros(n, z))

    def near(self, x: Float[Tensor, "b d"], k: int) -> tuple[Float[Tensor, "b k"], Int[Tensor, "b k"]]:
        """The distances to the k nearest training items, nearest first, of equal ones the first, and which these are.

        Distances are norms of differences: 0 for a training item itself, and the same in any batch.
        """
        k = min(k, len(self.X))
        _, near = nearest_of(x, self.X, k)
        near = near.sort(1).values
        rows = max(1, NUMBERS // max(1, k * x.shape[1]))
        parts = zip(x.split(rows), near.split(rows), strict=True)
        far = torch.cat([(some[:, None] - self.X[those]).square().sum(2).sqrt() for some, those in parts])
        order = far.argsort(dim=1, stable=True)
        return far.gather(1, order), near.gather(1, order)
