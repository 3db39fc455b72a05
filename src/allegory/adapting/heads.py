"""What reads codes, as modules whose tensors are saved: a linear map, or the nearest labelled items.

`forward`: codes (b, d) to outputs (b, k) in float64: logits of classes (before the softmax) or of labels (before the sigmoid), or one
number.
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.adapting.target import Kind
from allegory.core import Problem

TAU = 0.07  # of the votes exp(cosine / tau), as in questions.knn
QUERIES = 1024
MOST = 1 << 32  # numbers in one head, so that no file makes us ask for more


@dataclass(frozen=True)
class Shape:
    """How a head is built: closed, and written into config.json. `items`, `k`: how many labelled items are kept, how many are asked."""

    form: Literal["linear", "neighbours"]
    inputs: int
    outputs: int
    items: int = 0
    k: int = 0
    kind: Kind = "class"

    def __post_init__(self) -> None:
        sizes = (self.inputs, self.outputs, *((self.items, self.k) if self.form == "neighbours" else ()))
        if min(sizes) < 1 or max(self.items, self.outputs) * (self.inputs + self.outputs) > MOST or self.k > max(self.items, 0):
            raise Problem(f"head: sizes of at least 1 and believable ones were expected, got {self}")

    def build(self) -> "Head":
        """The head without its numbers."""
        return Linear(self) if self.form == "linear" else Neighbours(self)


class Head(nn.Module):
    """A reader of codes; `shape` builds it again."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape

    def _number(self, name: str, *sizes: int, dtype: torch.dtype = torch.float64) -> None:
        """Parameters that nobody learns: what is saved and must be finite."""
        self.register_parameter(name, nn.Parameter(torch.zeros(*sizes, dtype=dtype), requires_grad=False))


class Linear(Head):
    """z W + b."""

    weight: Tensor
    bias: Tensor

    def __init__(self, shape: Shape):
        super().__init__(shape)
        self._number("weight", shape.inputs, shape.outputs)
        self._number("bias", shape.outputs)

    @staticmethod
    def of(weight: Float[Tensor, "d k"], bias: Float[Tensor, " k"]) -> "Linear":
        head = Linear(Shape("linear", *weight.shape))
        head.weight.data, head.bias.data = weight.double().clone(), bias.double().clone()
        return head

    def forward(self, z: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        return z.double() @ self.weight + self.bias


class Neighbours(Head):
    """The k nearest labelled items by the cosine of centred codes vote with exp((cosine - 1) / 0.07); for numbers, their weighted mean.

    Shares of votes become logits with one vote more that is spread over all answers, so that none is impossible.
    """

    centre: Tensor
    bank: Tensor
    values: Tensor

    def __init__(self, shape: Shape):
        super().__init__(shape)
        self._number("centre", shape.inputs, dtype=torch.float32)
        self._number("bank", shape.items, shape.inputs, dtype=torch.float32)
        self._number("values", shape.items, shape.outputs)

    @staticmethod
    def of(z: Float[Tensor, "m d"], values: Float[Tensor, "m k"], k: int, kind: Kind) -> "Neighbours":
        """`values`: one-hot classes, labels of 0 and 1, or numbers."""
        head = Neighbours(Shape("neighbours", z.shape[1], values.shape[1], len(z), k, kind))
        head.centre.data = z.mean(0, dtype=torch.float64).float()
        head.bank.data, head.values.data = _on_sphere(z.float() - head.centre), values.double().clone()
        return head

    def asking(self, k: int) -> "Neighbours":
        """The same items, and another k."""
        head = Neighbours(replace(self.shape, items=1, k=1))
        head.shape = replace(self.shape, k=k)
        head.centre, head.bank, head.values = self.centre, self.bank, self.values
        return head

    def forward(self, z: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        return torch.cat([self._answer(queries) for queries in _on_sphere(z.float() - self.centre).split(QUERIES)])

    def _answer(self, queries: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        cosine, nearest = torch.topk(queries @ self.bank.T, self.shape.k, dim=1)
        weight = torch.softmax(cosine.double() / TAU, dim=1)
        told = (weight[..., None] * self.values[nearest]).sum(1)
        if self.shape.kind == "continuous":
            return told
        votes = self.shape.k * told
        if self.shape.kind == "multi-label":
            return torch.log(votes + 0.5) - torch.log(self.shape.k - votes + 0.5)
        return torch.log(votes + 1.0 / self.shape.outputs)


def _on_sphere(z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    return z / z.norm(dim=1, keepdim=True).clamp_min(1e-12)
