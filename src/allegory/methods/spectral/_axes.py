"""What methods share that learn principal axes: the buffers, and how they are filled."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.core import Array, Items, Misuse, Spec
from allegory.measures.principal import Principal, Solver, principal


class Axes(nn.Module):
    """Mean `m` (d,), orthonormal axes `W` (z, d), the `variances` (z,) along them, and that of all dimensions in `total`, as buffers."""

    m: Tensor
    W: Tensor
    variances: Tensor
    total: Tensor

    def __init__(self, shape: tuple[int, ...], z: int):
        super().__init__()
        d = math.prod(shape)
        self.shape = shape
        self.register_buffer("m", torch.zeros(d))
        self.register_buffer("W", torch.eye(z, d))
        self.register_buffer("variances", torch.ones(z))
        self.register_buffer("total", torch.tensor(float(d)))

    def learn(self, items: Items, solver: Solver = "auto") -> Principal:
        """Fills the buffers from all items; what they were filled with, in float64."""
        found = axes_of(items, len(self.W), solver)
        self.m.copy_(found.mean)
        self.W.copy_(found.axes)
        self.variances.copy_(found.variances)
        self.total.copy_(found.total)
        return found

    def along(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        """The places of observations along the axes."""
        return (x.flatten(1) - self.m) @ self.W.T

    def at(self, along: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        """The observations at places along the axes."""
        return (along @ self.W + self.m).view(len(along), *self.shape)


def axes_of(items: Items, z: int, solver: Solver = "auto") -> Principal:
    """The z principal axes of all items, which are read batch by batch."""
    return principal(lambda: (x.flatten(1) for x in items.batches()), len(items), math.prod(_shape(items.spec)), z, solver)


def _shape(spec: Spec) -> tuple[int, ...]:
    assert isinstance(spec, Array)
    return spec.shape


def size_of(latent: int, most: int) -> int:
    """The size of the code: `latent`, or `most` where the data allow no more. Raises `Misuse` for a size below 1."""
    if latent < 1:
        raise Misuse(f"latent: expected a size of 1 or more, got {latent}")
    return max(1, min(latent, most))
