r"""Every picture is a class of its own, and must be recognised under all its transformations.

**Model.** $v = g(f(x))$ on the sphere; a bank holds one code $\bar v_j$ for each of the n items, and
$p(i|v) = \exp(v \cdot \bar v_i/\tau) / \sum_{j=1}^n \exp(v \cdot \bar v_j/\tau)$. (Dosovitskiy et al. gave each item a row of weights
instead; a bank needs no gradient and so grows with the data at little cost.)

**Objective.** $-\log p(i|v)$ for a transformed item i (Wu et al. 2018, eq. 2 and 3), the sum over j whole or from `sampled` items; then
$\bar v_i \leftarrow$ `keep` $\bar v_i + (1 -$ `keep`$)\,v$, back on the sphere.

**Notation.** `tau` = $\tau$, `keep` = how much of a code the bank keeps when its item is seen.

**When it fails.** Items are seen once an epoch: with few epochs the bank holds what an old encoder thought, and the first epoch learns
against the untrained one. Items of one kind are pushed apart like all others. Look at `memory_spread`, neighbours and the loss by epoch.

**Reference.** Z. Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination, 2018,
https://arxiv.org/abs/1805.01978; the task: A. Dosovitskiy et al., Discriminative Unsupervised Feature Learning with Convolutional Neural
Networks, 2014, https://arxiv.org/abs/1406.6909
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor, nn

from allegory import measures, nets, views
from allegory.core import (
    Batch,
    Card,
    Claim,
    CodeKind,
    Dice,
    Items,
    Loss,
    Moment,
    Optim,
    Paper,
    Player,
    Recipe,
    Spec,
    Trained,
    Views,
    batch_mean,
)
from allegory.objectives import instance_softmax


class BankNet(nn.Module):
    """An encoder with a head, and one remembered code for each training item."""

    def __init__(self, spec: Spec, n: int, encoder: str, hidden: int, out: int, depth: int):
        super().__init__()
        self.net = nets.Projected(spec, encoder, hidden, out, depth)
        self.bank = nets.MemoryBank(n, self.net.out)


@final
@dataclass(frozen=True)
class InstanceClassification(Trained[BankNet]):
    """Instance classification (Wu et al. 2018): minimises the cross-entropy of telling which training item a view shows, in nats.

    tau: temperature. sampled: how many items stand for all others in the sum (0: all are taken). keep: how much of its code an item
    keeps in the bank when it is seen. encoder: name of a net. hidden, projection: widths of the head (hidden 0: as wide as the code).
    depth: layers of the head.
    """

    tau: float = 0.1
    sampled: int = 4096
    keep: float = 0.5
    encoder: str = "default"
    hidden: int = 0
    projection: int = 64
    depth: int = 1

    recipe: ClassVar[Recipe] = Recipe(
        steps=500, batch=128, optim=Optim(lr=2e-3), note="paper: 4096 noise samples, tau .07, batch 256, SGD .03, 200 epochs"
    )
    card: ClassVar[Card] = Card(
        family="pretext",
        title="Instance classification",
        paper=Paper("Wu et al.", "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", 2018,
                    "https://arxiv.org/abs/1805.01978", "2 and 3"),
        density="not modelled", manifold="hypersphere", principle="contrast",
        modelled=r"p(i|v) = \frac{\exp(v \cdot \bar v_i/\tau)}{\sum_{j=1}^n \exp(v \cdot \bar v_j/\tau)}",
        minimised=r"-\log p(i\,|\,g(f(\mathrm{view}(x_i))))", unit="nats per example",
        buys="One view a step, as many negatives as there are items, and nothing but a table beside the encoder.",
        costs="A code in memory for every training item, as old as the last time it was seen.",
        fails="Few epochs: the bank is stale, and the first epoch learns against the codes of the untrained encoder; items of one kind are "
        "negatives of each other; look at memory_spread and neighbours.",
        code=CodeKind(), tiny={"projection": 16, "sampled": 48}, laws=("order of examples",), falls="encoder/cross_entropy",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.71, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.augment(spec, source.mirror)

    def build(self, spec: Spec, n: int) -> BankNet:
        return BankNet(spec, n, self.encoder, self.hidden, self.projection, self.depth)

    def prepare(self, net: BankNet, items: Items, dice: Dice) -> None:
        del dice
        # Deviates: the bank begins with the codes of the untrained encoder, not at random, as small trainings see an item a few times.
        net.bank.remember(nets.at_rest(net.net, items))

    def players(self, net: BankNet) -> Sequence[Player]:
        return [Player("encoder", (net.net,), partial(self._loss, net), additive=not nets.has_batch_statistics(net))]

    def _loss(self, net: BankNet, batch: Batch, now: Moment) -> Loss:
        v = net.net(batch.views)
        n = len(net.bank.codes)
        # Deviates: a softmax over a sample, with its sum scaled to all items, where the paper's noise-contrastive estimation takes the
        # sum for a constant; and no proximal term.
        drawn = now.dice.rows(self.sampled).integers("drawn", n) if 0 < self.sampled < n else None
        loss = batch_mean(instance_softmax(v, batch.index, net.bank.codes, self.tau, drawn))
        terms = {"cross_entropy": loss, "memory_spread": net.bank.spread()} | measures.pulse(v)
        return Loss(loss, terms, memo={"index": batch.index, "v": v.detach()})

    def after_step(self, net: BankNet, now: Moment, memos: Mapping[str, Any]) -> None:
        del now
        # Deviates: the bank keeps a share of the old code, as in the authors' code; in the paper the new code takes its place.
        net.bank.update(memos["encoder"]["index"], memos["encoder"]["v"], self.keep)

    def encode(self, net: BankNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.net.body(x)
        return h
