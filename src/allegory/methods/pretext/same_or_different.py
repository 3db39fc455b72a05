r"""Do these two views show one picture, or two?

**Model.** $p(y = 1|u, v)$, y = 1 for two different pictures and 0 for two transforms of one, by a small net on $(|u - v|, u \cdot v)$
coordinate by coordinate, with $u, v$ the projections of the views: the order of the two cannot matter.

**Objective.** $-\log p(y|u, v)$ (section 3 of the paper: the log-likelihood of a Bernoulli variable), over all pairs of a first and a
second view of the batch, where pairs of one picture and pairs of two count one half each.

**Notation.** `relation` = the width of the net on pairs.

**When it fails.** Pairs of two are easily told by light or size: the accuracy is near 1 and nothing is asked of the code any more.
Stronger views make it harder.

**Reference.** M. Patacchiola and A. Storkey, Self-Supervised Relational Reasoning for Representation Learning, 2020,
https://arxiv.org/abs/2006.05849; two copies of a net on a pair: J. Bromley et al., Signature Verification using a "Siamese" Time Delay
Neural Network, 1993
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory import nets, views
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, Trained, Views, everyone
from allegory.objectives import pairs_verified


class VerifyingNet(nn.Module):
    """An encoder with a head, and a net on pairs of projections that says the log-odds of two different items."""

    def __init__(self, spec: Spec, encoder: str, hidden: int, out: int, depth: int, relation: int):
        super().__init__()
        self.net = nets.Projected(spec, encoder, hidden, out, depth)
        # Deviates: the paper joins u and v end to end; and its net on pairs has a batch norm.
        self.relation = nets.head((2 * self.net.out, relation, 1), norm="none")

    def odds(self, u: Float[Tensor, "b p"], v: Float[Tensor, "all p"]) -> Float[Tensor, "b all"]:
        """Of every pair."""
        u, v = u[:, None], v[None]
        return self.relation(torch.cat([(u - v).abs(), u * v], 2)).squeeze(2)


@final
@dataclass(frozen=True)
class SameOrDifferent(Trained[VerifyingNet]):
    """Same or different (Patacchiola and Storkey 2020): minimises the cross-entropy of telling one item from two, in nats.

    relation: width of the net on pairs. encoder: name of a net. hidden, projection: widths of the head (hidden 0: as wide as the code).
    depth: layers of the head.
    """

    relation: int = 64
    encoder: str = "default"
    hidden: int = 0
    projection: int = 64
    depth: int = 2

    recipe: ClassVar[Recipe] = Recipe(
        steps=300, batch=128, optim=Optim(lr=2e-3), note="paper: 32 views of each of 64 items, focal loss, relation net of 256, Adam 1e-3"
    )
    card: ClassVar[Card] = Card(
        family="pretext",
        title="Same or different",
        paper=Paper("Patacchiola and Storkey", "Self-Supervised Relational Reasoning for Representation Learning", 2020,
                    "https://arxiv.org/abs/2006.05849", "section 3"),
        density="not modelled", manifold="Euclidean space", principle="prediction of a hidden property",
        modelled=r"p(y\,|\,|u - v|, u \cdot v),\quad u, v = g(f(\mathrm{view}(x)))",
        minimised=r"-\tfrac12 E_{\mathrm{same}} \log p(0|u, v) - \tfrac12 E_{\mathrm{different}} \log p(1|u, v)", unit="nats per pair",
        buys="A yes-or-no question: how alike two items are is learned with the code, not set to a cosine.",
        costs="The net on pairs is asked of every pair: the square of the batch.",
        fails="Pairs of two items that light or size tells apart: accuracy near 1 and little learned; look at the accuracy and strengthen "
        "the views.",
        code=CodeKind(), tiny={"projection": 16, "relation": 16}, laws=("swap of views", "order of examples"),
        falls="encoder/cross_entropy",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.735, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.Pair(views.augment(spec, source.mirror))

    def build(self, spec: Spec, n: int) -> VerifyingNet:
        del n
        return VerifyingNet(spec, self.encoder, self.hidden, self.projection, self.depth, self.relation)

    def players(self, net: VerifyingNet) -> Sequence[Player]:
        return [Player.comparing("encoder", (net.net, net.relation), partial(self._embedded, net), partial(self._loss, net))]

    def _embedded(self, net: VerifyingNet, batch: Batch, now: Moment) -> Float[Tensor, "b 2 p"]:
        del now
        return torch.stack([net.net(view) for view in batch.views], 1)

    def _loss(self, net: VerifyingNet, z: Float[Tensor, "b 2 p"], batch: Batch, now: Moment) -> Loss:
        del batch, now
        # Deviates: cross-entropy over all pairs of two views; the paper has 32 views, as many pairs of two as of one, and a focal loss.
        loss, right = pairs_verified(net.odds(z[:, 0], everyone(z[:, 1])))
        return Loss(loss, {"cross_entropy": loss, "accuracy": right})

    def encode(self, net: VerifyingNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.net.body(x)
        return h
