"""From fields that are carried unchanged from tangent space to tangent space to the subspaces that they tell apart (Pfau et al. 2020)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from allegory.measures.subspaces import diagonaliser

ALIKE = 0.5  # cosine from which two directions are of one factor, as published
ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Factoring:
    """Orthonormal axes of the tangent space of every item, a row each, and which factor an axis is of: the same for all items, rising."""

    axes: Float[Tensor, "n k k"]
    factor: Int[Tensor, " k"]

    @property
    def count(self) -> int:
        return int(self.factor.max()) + 1


def factored(fields: Float[Tensor, "n e k k"]) -> Factoring:
    """The axes that diagonalise the e fields of symmetric matrices at every item, grouped by what they have on the diagonal.

    On a product of manifolds a field carried without change is c_f on the tangent subspace of factor f, so that axes of one factor have the
    same e numbers, and those of two factors point apart (their cosine is below 0). Pfau et al. group the axes of each item for itself; here
    the numbers are compared over all items too, so that a factor keeps its number and its dimension everywhere.
    """
    n, e, k, _ = fields.shape
    if e == 0:
        return Factoring(torch.eye(k, dtype=fields.dtype).repeat(n, 1, 1), torch.zeros(k, dtype=torch.long))
    axes = diagonaliser(fields)
    psi = F.normalize((axes[:, None] @ fields @ axes.mT[:, None]).diagonal(dim1=2, dim2=3).mT, dim=2)  # (n, k, e)
    first = _components(psi @ psi.mT > ALIKE)  # (n, k): the first axis of the group that an axis is in
    sizes = F.one_hot(first, k).sum(1).sort(1, descending=True).values
    kinds, which, counts = torch.unique(sizes, dim=0, return_inverse=True, return_counts=True)
    dimensions = kinds[counts.argmax()]
    usual = which == counts.argmax()
    centres, dimensions = _centres(psi[usual], first[usual], dimensions[dimensions > 0])
    factor = torch.arange(len(dimensions)).repeat_interleave(dimensions)
    order = _dealt(-(psi @ centres.T)[:, :, factor])
    return Factoring(axes.gather(1, order[:, :, None].expand(-1, -1, k)), factor)


def _components(alike: Bool[Tensor, "n k k"]) -> Int[Tensor, "n k"]:
    """The number of the first axis that each axis hangs together with, directly or through others."""
    reach = alike.float()
    for _ in range(alike.shape[1].bit_length()):
        reach = ((reach @ reach) > 0).float()
    return reach.argmax(2)


def _centres(psi: Float[Tensor, "u k e"], first: Int[Tensor, "u k"], dimensions: Int[Tensor, " m"]) -> tuple[Tensor, Tensor]:
    """The mean direction (m, e) of each factor over items, and its dimension; begun with the groups of the first item."""
    lead = torch.unique(first[0])
    centres = torch.stack([psi[0][first[0] == a].mean(0) for a in lead])
    dimensions = torch.stack([(first[0] == a).sum() for a in lead])
    flat = psi.flatten(0, 1)
    for _ in range(ROUNDS):
        nearest = (flat @ F.normalize(centres, dim=1).T).argmax(1)
        centres = torch.stack([flat[nearest == f].mean(0) if bool((nearest == f).any()) else c for f, c in enumerate(centres)])
    order = torch.as_tensor(np.lexsort((centres[:, 0].numpy(), dimensions.numpy())))
    return F.normalize(centres, dim=1)[order], dimensions[order]


def _dealt(cost: Float[Tensor, "n k k"]) -> Int[Tensor, "n k"]:
    """Of every item, which axis takes each place, at the least cost[axis, place] in all."""
    order = np.stack([linear_sum_assignment(c.T)[1] for c in cost.double().numpy()])
    return torch.as_tensor(order)
