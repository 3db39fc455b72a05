"""Ridge regression over a path of strengths, for every reader of numbers."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def path(
    x: Float[Tensor, "n d"], y: Float[Tensor, " n"], strengths: Sequence[float]
) -> Iterator[tuple[Float[Tensor, "d 1"], Float[Tensor, " 1"]]]:
    """Weights and intercept of least |y - x w - b|^2 / n + strength |w|^2 for each strength, by one decomposition of the smaller Gram
    matrix; the intercept is not penalised."""
    mean, middle = x.mean(0), y.mean()
    x, y = x - mean, y - middle
    wide = x.shape[1] > len(x)
    size, axes = torch.linalg.eigh(x @ x.T if wide else x.T @ x)
    turned = axes.T @ (y if wide else x.T @ y)
    for strength in strengths:
        found = axes @ (turned / (size.clamp_min(0.0) + strength * len(x)))
        weight = (x.T @ found if wide else found)[:, None]
        yield weight, (middle - mean @ weight).reshape(1)
