"""The push of all places on each other, as t-SNE has it: exactly, or by a grid in the plane."""

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.objectives import grid
from allegory.objectives.sums import total

PAIRS = 1 << 18  # held at once
FEW = 512  # places, for which all pairs are no dearer than a grid


def student_push(y: Float[Tensor, "z n"]) -> tuple[Float[Tensor, ""], Float[Tensor, "z n"]]:
    """Z = sum_{i != j} 1 / (1 + |y_i - y_j|^2) and the push sum_j (y_i - y_j) / (1 + |y_i - y_j|^2)^2 / Z on each place (van der Maaten
    2014, where the slope is parted into two forces): all pairs for few places or other than two axes, else `grid.field`."""
    z, n = y.shape
    if z == 2 and n > FEW:
        value, slope = grid.field(y).at(y)
        Z = (total(value) - n).clamp_min(torch.finfo(y.dtype).tiny)
        return Z, slope / (-2.0 * Z)
    value, push = student_sums(y, y)
    Z = (total(value) - n).clamp_min(torch.finfo(y.dtype).tiny)
    return Z, push / Z


def student_sums(y: Float[Tensor, "z b"], others: Float[Tensor, "z n"]) -> tuple[Float[Tensor, " b"], Float[Tensor, "z b"]]:
    """sum_j 1 / (1 + |y - y_j|^2) and sum_j (y - y_j) / (1 + |y - y_j|^2)^2 for each place, over the others, pair by pair."""
    sums, pushes = [], []
    for some in y.split(max(1, PAIRS // others.shape[1]), dim=1):
        apart = some[:, :, None] - others[:, None]
        q = (1.0 + apart.square().sum(0)).reciprocal()
        sums.append(q.sum(1))
        pushes.append((apart * q.square()).sum(2))
    return torch.cat(sums), torch.cat(pushes, 1)
