"""What is kept of the training items, so that new ones find their place among them. All of it buffers, which no gradient moves."""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory.measures.neighbours import nearest_of

FAINT = 0.1  # of a mode, that a step of the walk must keep for it to be continued


class Kept(nn.Module):
    """Buffers by name, filled once."""

    @torch.no_grad()
    def keep(self, **solved: Any) -> None:
        """Copies what was solved for into the buffers of these names."""
        buffers = dict(self.named_buffers())
        for name, value in solved.items():
            buffers[name].copy_(torch.as_tensor(value))


class Similarities(Kept):
    """m items x (m, d) and an affine map of the similarities to them: z = s(x) A + b. `values` (z,): the eigenvalues it comes from."""

    x: Tensor
    A: Tensor
    b: Tensor
    values: Tensor

    def __init__(self, m: int, d: int, z: int):
        super().__init__()
        self.register_buffer("x", torch.zeros(m, d))
        self.register_buffer("A", torch.zeros(m, z))
        self.register_buffer("b", torch.zeros(z))
        self.register_buffer("values", torch.zeros(z))

    def forward(self, s: Float[Tensor, "b m"]) -> Float[Tensor, "b z"]:
        return s @ self.A + self.b


class Anchors(Kept):
    """n items x (n, d) and their codes z (n, z); `values` (z,): the eigenvalues that the codes come from; in how many `pieces` their graph
    of neighbours was."""

    x: Tensor
    z: Tensor
    values: Tensor
    pieces: Tensor

    def __init__(self, n: int, shape: tuple[int, ...], z: int):
        super().__init__()
        self.register_buffer("x", torch.zeros(n, math.prod(shape)))
        self.register_buffer("z", torch.zeros(n, z))
        self.register_buffer("values", torch.zeros(z))
        self.register_buffer("pieces", torch.ones((), dtype=torch.int64))

    def near(self, x: Float[Tensor, "b d"], k: int) -> tuple[Float[Tensor, "b k"], Int[Tensor, "b k"]]:
        """The distances to the k nearest items (to all, where there are fewer), nearest first, and which these are."""
        distances, index = nearest_of(x, self.x, min(k, len(self.x)))
        return distances.to(x.dtype), index

    def mean(self, w: Float[Tensor, "b k"], index: Int[Tensor, "b k"]) -> Float[Tensor, "b z"]:
        """sum_j w_j z_j over the items at `index`."""
        return (w[:, None, :] @ self.z[index])[:, 0]

    def continued(self, w: Float[Tensor, "b k"], index: Int[Tensor, "b k"]) -> Float[Tensor, "b z"]:
        """The modes of a walk, of eigenvalues `values`, where it steps to the items at `index` with chances w: mean / value (Nystroem).

        A mode of which a step keeps less than a tenth would be ten and more times what the mean misses it by: it takes the mean itself.
        """
        return self.mean(w, index) / torch.where(self.values.abs() < FAINT, 1.0, self.values)

    def unless_known(self, z: Float[Tensor, "b z"], x: Float[Tensor, "b d"], nearest: Int[Tensor, " b"]) -> Float[Tensor, "b z"]:
        """`z`, but for items that are among those kept: they have their own codes. `nearest`: who is nearest to each."""
        known = (x.to(self.x.dtype) == self.x[nearest]).all(1, keepdim=True)
        return torch.where(known, self.z[nearest], z)
