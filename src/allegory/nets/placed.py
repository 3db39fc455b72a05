"""Items and their places: what a neighbour embedding learns."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory.measures.neighbours import BLOCK_NUMBERS

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
        _, near = _nearest_of(x, self.X, k)
        near = near.sort(1).values
        rows = max(1, NUMBERS // max(1, k * x.shape[1]))
        parts = zip(x.split(rows), near.split(rows), strict=True)
        far = torch.cat([(some[:, None] - self.X[those]).square().sum(2).sqrt() for some, those in parts])
        order = far.argsort(dim=1, stable=True)
        return far.gather(1, order), near.gather(1, order)


def _nearest_of(x: Float[Tensor, "m d"], z: Float[Tensor, "n d"], k: int) -> tuple[Float[Tensor, "m k"], Int[Tensor, "m k"]]:
    """The distances from each row of `x` to its k nearest rows of `z`, nearest first, and which these are. Needs k <= n."""
    centre = z.double().mean(0)
    base = z.double() - centre
    square = base.square().sum(1)
    found = []
    for rows in x.split(max(1, BLOCK_NUMBERS // max(1, len(z)))):
        seen = rows.double() - centre
        squared = torch.addmm(square[None], seen, base.T, alpha=-2.0).add_(seen.square().sum(1, keepdim=True)).clamp_min_(0.0)
        found.append(squared.topk(k, largest=False))
    return torch.cat([f.values for f in found]).sqrt(), torch.cat([f.indices for f in found])
