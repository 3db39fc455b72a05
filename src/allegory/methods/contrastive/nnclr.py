r"""With a little help from friends: the partner of a view is the nearest neighbour of the other view, out of a queue of other items.

**Model.** $z = g(f(x))$ on the sphere, $z^+ = q(z)$ its prediction, $Q$ a queue of the last $z$; $\mathrm{NN}(z, Q)$ the nearest of them.

**Objective.** $-\log \exp(\mathrm{NN}(z_i, Q) \cdot z_i^+/\tau) / \sum_k \exp(\mathrm{NN}(z_i, Q) \cdot z_k^+/\tau)$ (section 3.2), with
$z_i$ of one view and $z_k^+$ of the other over the batch, the mean of both ways round; then the $z$ of the first view enter the queue.

**Notation.** `tau` = $\tau$, `q` = the predictor, `queue` = $Q$ and its size. No gradient flows through the neighbour.

**When it fails.** Neighbours that are of another kind, early on or where the data have few of each kind; a queue that is small holds
no near neighbour, one that is large holds the item itself; look at `agreement`, the mean cosine of a code and its neighbour.

**Reference.** D. Dwibedi et al., With a Little Help from My Friends: Nearest-Neighbor Contrastive Learning of Visual Representations,
2021, https://arxiv.org/abs/2104.14548
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allegory import measures, nets, views
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, Trained, Views, batch_mean
from allegory.objectives import info_nce

Pairs = dict[str, Float[Tensor, "b 2 p"]]


class NNCLRNet(nn.Module):
    """An encoder with a head, a predictor, and the queue of projections."""

    def __init__(self, spec: Spec, encoder: str, hidden: int, out: int, depth: int, size: int):
        super().__init__()
        self.net = nets.Projected(spec, encoder, hidden, out, depth)
        out = self.net.out
        self.q = nets.head((out, hidden or self.net.body.out, out), self.net.norm)
        self.queue = nets.Queue(size, out)


@final
@dataclass(frozen=True)
class NNCLR(Trained[NNCLRNet]):
    """NNCLR (Dwibedi et al. 2021): minimises InfoNCE between the nearest neighbour of one view and the prediction of the other, in nats.

    tau: temperature. queue: projections that are remembered. encoder: name of a net. hidden, projection: widths of head and predictor
    (hidden 0: as wide as the code). depth: layers of the head.
    """

    tau: float = 0.2
    queue: int = 4096
    encoder: str = "default"
    hidden: int = 0
    projection: int = 64
    depth: int = 2

    recipe: ClassVar[Recipe] = Recipe(
        steps=300, batch=128, optim=Optim(lr=4e-3), note="paper: queue 98304, tau .1, batch 4096, LARS .3, 1000 epochs, head of 3 layers"
    )
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Nearest-neighbour contrast",
        paper=Paper("Dwibedi et al.", "With a Little Help from My Friends: Nearest-Neighbor Contrastive Learning of Visual Representations",
                    2021, "https://arxiv.org/abs/2104.14548", "section 3.2"),
        density="not modelled", manifold="hypersphere", principle="contrast",
        modelled=r"\mathrm{NN}(z_i, Q) \cdot z_j^+ = \cos(\mathrm{NN}(g(f(v_i)), Q), q(g(f(v'_j))))",
        minimised=r"-\log \frac{\exp(\mathrm{NN}(z_i, Q) \cdot z_i^+/\tau)}{\sum_k \exp(\mathrm{NN}(z_i, Q) \cdot z_k^+/\tau)}",
        unit="nats per neighbour",
        buys="Positives that differ in more than what the views change, so that plain views are enough.",
        costs="A queue; and what the neighbours get wrong is learned.",
        fails="Neighbours of another kind, with few items of each kind or early in training; look at agreement, neighbours and queue size.",
        code=CodeKind(), tiny={"projection": 16, "queue": 64}, laws=("swap of views", "order of examples"), falls="encoder/info_nce",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.735, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.Pair(views.augment(spec, source.mirror))

    def build(self, spec: Spec, n: int) -> NNCLRNet:
        del n
        return NNCLRNet(spec, self.encoder, self.hidden, self.projection, self.depth, self.queue)

    def players(self, net: NNCLRNet) -> Sequence[Player]:
        return [Player.comparing("encoder", (net.net, net.q), partial(self._embedded, net), partial(self._loss, net))]

    def _embedded(self, net: NNCLRNet, batch: Batch, now: Moment) -> Pairs:
        del now
        z = [net.net(view) for view in batch.views]
        return {"z": torch.stack(z, 1).detach(), "p": torch.stack([net.q(each) for each in z], 1)}

    def _loss(self, net: NNCLRNet, pairs: Pairs, batch: Batch, now: Moment) -> Loss:
        del batch, now
        (first, second), (p_first, p_second) = pairs["z"].unbind(1), pairs["p"].unbind(1)
        friend_first, friend_second = net.queue.nearest(first), net.queue.nearest(second)
        both = info_nce(friend_first, p_second, self.tau) + info_nce(friend_second, p_first, self.tau)
        loss = batch_mean(both) / 2.0
        agreement = batch_mean(F.cosine_similarity(first.detach(), friend_first))
        terms = {"info_nce": loss, "agreement": agreement, "memory_spread": net.queue.spread()}
        return Loss(loss, terms | measures.pulse(p_first), memo=first.detach())

    def after_step(self, net: NNCLRNet, now: Moment, memos: Mapping[str, Any]) -> None:
        del now
        net.queue.push(memos["encoder"])

    def encode(self, net: NNCLRNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.net.body(x)
        return h
