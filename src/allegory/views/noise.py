"""Noise and losses of single numbers; for images, vectors and any other array."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Dice
from allegory.views.view import View

Arrays = Float[Tensor, "b *d"]


@dataclass(frozen=True)
class Noise(View):
    """Gaussian noise of standard deviation `std` added to every number (images: pixels in [-1, 1]; the sum is not cut)."""

    std: float = 0.05

    def show(self, x: Arrays, drawn: Dice) -> Arrays:
        return torch.add(x, drawn.normal("noise", *x.shape[1:]).to(x.dtype), alpha=self.std)


@dataclass(frozen=True)
class Drop(View):
    """Every number set to 0, the mean of a standardised feature, with probability `p`."""

    p: float = 0.2

    def show(self, x: Arrays, drawn: Dice) -> Arrays:
        return x.masked_fill(drawn.chance("drop", self.p, *x.shape[1:]), 0.0)


@dataclass(frozen=True)
class Corrupt(View):
    """Every number replaced by a standard normal draw with probability `p`.

    SCARF (Bahri et al. 2022) draws from the feature's values in the training data. Deviates: here from the normal distribution
    that standardised features have in mean and variance, so that an example does not depend on others.
    """

    p: float = 0.4

    def show(self, x: Arrays, drawn: Dice) -> Arrays:
        shape = x.shape[1:]
        return torch.where(drawn.chance("corrupt", self.p, *shape), drawn.normal("value", *shape).to(x.dtype), x)


@dataclass(frozen=True)
class SaltAndPepper(View):
    """Every number set to `low` or `high`, with equal chances, with probability `p` (Vincent et al. 2010, section 3.3)."""

    p: float = 0.1
    low: float = -1.0
    high: float = 1.0

    def show(self, x: Arrays, drawn: Dice) -> Arrays:
        u = drawn.uniform("salt and pepper", *x.shape[1:])
        return x.masked_fill(u < self.p, self.high).masked_fill(u < self.p / 2, self.low)
