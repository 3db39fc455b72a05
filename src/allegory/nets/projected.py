"""An encoder with a projection head: the code is the layer below the head, the loss is taken above it."""

import copy
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor, nn

from allegory.core import Spec
from allegory.nets.choose import encoder as encoder_of
from allegory.nets.mlp import head
from allegory.nets.norm import Norm, has_batch_statistics

N = TypeVar("N", bound=nn.Module)


class Projected(nn.Module):
    """f = `body`, g = `head` of `depth` layers (0: none); `hidden` 0 makes the head as wide as the code.

    The head has the body's kind of norm: batch statistics above a body that has them, else layer norms.
    """

    def __init__(self, spec: Spec, encoder: str, hidden: int, out: int, depth: int = 2, last_norm: bool = False):
        super().__init__()
        self.body = encoder_of(encoder, spec)
        self.norm: Norm = "batch" if has_batch_statistics(self.body) else "group"
        self.out = out if depth else self.body.out
        sizes = (self.body.out, *(hidden or self.body.out,) * (depth - 1), out)
        self.head = head(sizes, self.norm, self.norm if last_norm else "none") if depth else nn.Identity()

    def forward(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b p"]:
        z: Tensor = self.head(self.body(x))
        return z


def teacher_of(student: N) -> N:
    """A copy that no gradient moves: `core.move_average` lets it follow in `after_step`."""
    return copy.deepcopy(student).requires_grad_(False).eval()
