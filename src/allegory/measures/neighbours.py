"""Who is near whom, in blocks of rows: nothing n x n is ever held at once. Euclidean distance; an item is not its own neighbour."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

BLOCK_NUMBERS = 1 << 20  # distances held at once: 8 MB in float64, which passes over them repeatedly find in the cache


def centred(z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """float64 around the mean, where |x|^2 + |y|^2 - 2 x.y loses the fewest digits."""
    z = z.double()
    return z - z.mean(0)


def distance_rows(z: Float[Tensor, "n d"], block: int | None = None) -> Iterator[tuple[Int[Tensor, " b"], Float[Tensor, "b n"]]]:
    """Item numbers and their squared distances to all n items, a block of rows at a time; inf from an item to itself."""
    z = centred(z)
    square = z.square().sum(1)
    for rows in torch.arange(len(z)).split(block or max(1, BLOCK_NUMBERS // max(1, len(z)))):
        squared = torch.addmm(square[None], z[rows], z.T, alpha=-2.0).add_(square[rows, None]).clamp_min_(0.0)
        squared[torch.arange(len(rows)), rows] = math.inf
        yield rows, squared


def nearest(z: Float[Tensor, "n d"], k: int, block: int | None = None) -> tuple[Float[Tensor, "n k"], Int[Tensor, "n k"]]:
    """The distances to the k nearest other items, nearest first, and which these are. Needs k < n."""
    found = [squared.topk(k, largest=False) for _, squared in distance_rows(z, block)]
    return torch.cat([f.values for f in found]).sqrt(), torch.cat([f.indices for f in found])


def distinct(z: Float[Tensor, "n d"]) -> Float[Tensor, "m d"]:
    """Each different row once, in the order of first appearance: a copy lies at distance 0 and says nothing of the space around."""
    _, which = torch.unique(z, dim=0, return_inverse=True)
    first = torch.full((int(which.max()) + 1,), len(z)).scatter_reduce_(0, which, torch.arange(len(z)), "amin")
    return z[first.sort().values]
