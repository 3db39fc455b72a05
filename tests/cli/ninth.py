r"""A linear autoencoder whose decoder is its encoder turned round; stands in a package of its own, to show that one file is enough.

**Model.** $z = W x$, $\hat x = W^T z$.

**Objective.** $\tfrac12 |x - W^T W x|^2$, summed over dimensions, mean over examples (Baldi and Hornik 1989, eq. 1).

**Notation.** `W` (z, d).

**When it fails.** It finds the subspace of the leading components, in no order; look at the effective rank.

**Reference.** P. Baldi and K. Hornik, Neural Networks and Principal Component Analysis, 1989, https://doi.org/10.1016/0893-6080(89)90014-2
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, Trained, batch_mean


class Turned(nn.Module):
    """W."""

    def __init__(self, shape: tuple[int, ...], z: int):
        super().__init__()
        d = torch.Size(shape).numel()
        self.shape = shape
        self.W = nn.Parameter(torch.randn(z, d) / d**0.5)


@final
@dataclass(frozen=True)
class TurnedRound(Trained[Turned]):
    """A tied linear autoencoder (Baldi and Hornik 1989): minimises half the squared reconstruction error.

    latent: size of the code. whiten: divide the code by its size. sizes: of nothing, to be a tuple. kind: of nothing, to be a choice.
    limit: of nothing, to be an optional number. steps: of nothing, to have the name of a flag of learn.
    """

    latent: int = 4
    whiten: bool = False
    sizes: tuple[int, ...] = (8, 8)
    kind: Literal["plain", "fancy"] = "plain"
    limit: float | None = None
    steps: int = 7

    recipe: ClassVar[Recipe] = Recipe(steps=30, batch=16, optim=Optim(lr=1e-2))
    card: ClassVar[Card] = Card(
        family="latent", title="Tied linear autoencoder",
        paper=Paper("Baldi and Hornik", "Neural Networks and Principal Component Analysis", 1989,
                    "https://doi.org/10.1016/0893-6080(89)90014-2", "1"),
        density="not modelled", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"\hat x = W^T W x", minimised=r"\tfrac{1}{2}\,|x - W^T W x|^2", unit="nats per example, up to a constant",
        buys="Simplicity.", costs="Linear.", fails="No order among its axes; look at the effective rank.",
        tiny={"latent": 4}, code=CodeKind(), falls="autoencoder/error",
        claims=(
            Claim("knn", "accuracy", "blobs.csv", 0.5, {"latent": 3, "epochs": 4, "lr": 0.02, "labels": "kind"}, seeds=2),
            Claim("effective_rank", "effective_rank", "blobs.csv", 100.0, {"epochs": 1}, seeds=1),
        ),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Turned:
        return Turned(spec.shape, min(self.latent, spec.size))  # type: ignore[attr-defined]

    def players(self, net: Turned) -> Sequence[Player]:
        return [Player("autoencoder", (net,), partial(self._loss, net), additive=True)]

    def _loss(self, net: Turned, batch: Batch, now: Moment) -> Loss:
        error = batch_mean(0.5 * (batch.x - self.decode(net, self.encode(net, batch.x))).square().flatten(1).sum(1))
        return Loss(error, {"error": error})

    def encode(self, net: Turned, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        return x.flatten(1) @ net.W.T

    def decode(self, net: Turned, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        out: Any = (z @ net.W).view(len(z), *net.shape)
        return out
