"""What the probes share: standardised codes and the labelled rows of each part."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.questions.features import Features

EXACT = 1 << 21  # up to this many numbers are probed in float64; the difference is below any interval, and so is the cost


def standardised(z: Float[Tensor, "n z"], reference: Int[Tensor, " t"]) -> Float[Tensor, "n z"]:
    """Codes with mean 0 and standard deviation 1 over the `reference` items (labels are not read); constant features become 0."""
    known = z[reference]
    mean = known.mean(0, dtype=torch.float64)
    std = (known - mean.to(z.dtype)).square().mean(0, dtype=torch.float64).sqrt()
    dead = std <= 1e-6 * mean.abs() + 1e-12  # float32 rounding of a constant
    scale = torch.where(dead, 0.0, 1.0 / std.clamp_min(1e-12))
    wide = torch.float64 if z.numel() <= EXACT else torch.float32
    return (z - mean.to(z.dtype)).to(wide) * scale.to(wide)


@dataclass(frozen=True, eq=False)
class Labelled:
    """Rows and classes of the labelled items of one part."""

    index: Int[Tensor, " n"]
    y: Int[Tensor, " n"]

    @staticmethod
    def of(features: Features, part: str) -> "Labelled":
        index = features.labelled(part)
        return Labelled(index, features.labels[index])

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: Tensor) -> "Labelled":
        return Labelled(self.index[rows], self.y[rows])


def balanced(right: Tensor, y: Int[Tensor, " n"]) -> float:
    """The mean over classes of the share of their items for which `right` (n,) is true."""
    size = torch.bincount(y)
    return float((torch.bincount(y, right.double()) / size)[size > 0].mean())


def to_choose_by(features: Features) -> tuple[Labelled, Labelled]:
    """Rows to fit on and rows to choose settings by: the training and the validation part. With fewer than 2 labelled validation
    items a class, a fifth of the labelled training items, drawn by the seed, is kept back for choosing instead."""
    train, validation = Labelled.of(features, "train"), Labelled.of(features, "validation")
    if len(validation) >= 2 * len(train.y.unique()):
        return train, validation
    order = torch.as_tensor(np.random.default_rng([features.seed, 5]).permutation(len(train)))
    kept = max(1, len(train) // 5)
    return train.take(order[kept:].sort().values), train.take(order[:kept].sort().values)
