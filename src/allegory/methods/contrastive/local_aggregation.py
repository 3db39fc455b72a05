r"""Draw an item near those that share its group, and away from the rest of its surroundings.

**Model.** $v = g(f(x))$ on the sphere; a bank holds a code $\bar v_j$ for each item. Of item i, the background neighbours $B_i$ are the
nearest in the bank; the close neighbours $C_i$ share its group in at least one of several k-means of the bank.

**Objective.** $-\log P(C_i \cap B_i | v_i) / P(B_i | v_i)$ with $P(A|v) = \sum_{j \in A} \exp(\bar v_j \cdot v/\tau) / Z$ (eq. 1 to 3);
then $\bar v_i \leftarrow$ `keep` $\bar v_i + (1 -$ `keep`$)\,v_i$, and every `period` steps the bank is grouped again.

**Notation.** `tau` = $\tau$, `background` = the size of $B_i$, `clusterings` = how often the bank is grouped, `clusters` = into how many.

**When it fails.** Groups of an encoder that knows nothing yet are kept up by learning them; too few clusters draw different kinds
together, too many leave each item alone (it is then instance classification). Look at `close`, the share of $B_i$ in $C_i$.

**Reference.** C. Zhuang, A. L. Zhai and D. Yamins, Local Aggregation for Unsupervised Learning of Visual Embeddings, 2019,
https://arxiv.org/abs/1903.12355
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory import measures, nets
from allegory.core import Batch, Card, Claim, CodeKind, Dice, Items, Loss, Moment, Optim, Paper, Player, Recipe, Spec, batch_mean
from allegory.measures.clustering import assigned
from allegory.methods.contrastive._grouped import Grouped, centres, drawn
from allegory.objectives import local_aggregation


class AggregatingNet(nn.Module):
    """An encoder with a head, a code of every item, and the group of every item in each clustering."""

    groups: Int[Tensor, "h n"]

    def __init__(self, spec: Spec, n: int, encoder: str, hidden: int, out: int, depth: int, clusterings: int):
        super().__init__()
        self.net = nets.Projected(spec, encoder, hidden, out, depth)
        self.bank = nets.MemoryBank(n, self.net.out)
        self.register_buffer("groups", torch.zeros(clusterings, n, dtype=torch.int64))


@final
@dataclass(frozen=True)
class LocalAggregation(Grouped[AggregatingNet]):
    """Local aggregation (Zhuang et al. 2019): minimises -log of the share of close neighbours among background neighbours, in nats.

    tau: temperature. background: nearest items that a code is compared with. candidates: items, drawn each step, among which these are
    sought (0: all). clusterings: how often the bank is grouped, each time from another start. keep: how much of its code an item keeps
    in the bank when it is seen. hidden, projection: widths of the head (hidden 0: as wide as the code). depth: layers of the head.
    """

    tau: float = 0.1
    background: int = 512
    candidates: int = 8192
    clusterings: int = 3
    keep: float = 0.5
    hidden: int = 0
    projection: int = 64
    depth: int = 1

    recipe: ClassVar[Recipe] = Recipe(
        steps=400, batch=128, optim=Optim(lr=2e-3),
        note="paper: 10 clusterings of 30000, background 4096, tau .07, batch 128, SGD .03, after 10 epochs of instance recognition",
    )  # fmt: skip
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Local aggregation",
        paper=Paper("Zhuang, Zhai and Yamins", "Local Aggregation for Unsupervised Learning of Visual Embeddings", 2019,
                    "https://arxiv.org/abs/1903.12355", "1 to 3"),
        density="not modelled", manifold="hypersphere", principle="clustering",
        modelled=r"P(A\,|\,v) = \frac{1}{Z} \sum_{j \in A} \exp(\bar v_j \cdot v/\tau)",
        minimised=r"-\log \frac{P(C_i \cap B_i\,|\,v_i)}{P(B_i\,|\,v_i)}", unit="nats per example",
        buys="Groups of every size and shape may form: an item has only its own surroundings to care for.",
        costs="A bank as large as the data, and a k-means every so often.",
        fails="The first groups are those of an untrained encoder, and learning them keeps them; too few clusters mix kinds; look at close "
        "and at the neighbours.",
        code=CodeKind(), laws=("order of examples",), falls="encoder/aggregation",
        tiny={"projection": 16, "clusters": 6, "period": 16, "background": 24, "candidates": 64},
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.71, {}, seeds=3),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> AggregatingNet:
        return AggregatingNet(spec, n, self.encoder, self.hidden, self.projection, self.depth, self.clusterings)

    def prepare(self, net: AggregatingNet, items: Items, dice: Dice) -> None:
        # Deviates: the first groups are those of the untrained encoder's codes; the paper warms up by instance recognition.
        net.bank.remember(nets.at_rest(net.net, items))
        super().prepare(net, items, dice)

    def group(self, net: AggregatingNet, items: Items, dice: Dice) -> None:
        # Deviates: centres are learned from `points` items; all are then assigned.
        codes = net.bank.codes
        some = codes[drawn(len(items), self.points, dice, "sample")]
        k = self.groups_of(len(items))
        found = [assigned(codes, centres(some, k, dice, f"clustering {h}")) for h in range(self.clusterings)]
        net.groups.copy_(torch.stack(found))

    def players(self, net: AggregatingNet) -> Sequence[Player]:
        return [Player("encoder", (net.net,), partial(self._loss, net), additive=not nets.has_batch_statistics(net))]

    def _loss(self, net: AggregatingNet, batch: Batch, now: Moment) -> Loss:
        v = net.net(batch.views)
        n = len(net.bank.codes)
        # Deviates: background and close neighbours are looked for among `candidates` drawn items; the paper looks among all.
        among = now.dice.rows(self.candidates).integers("candidates", n) if 0 < self.candidates < n else None
        each = local_aggregation(v, batch.index, net.bank.codes, net.groups, self.tau, self.background, among)
        loss = batch_mean(each)
        close = batch_mean((-each.detach()).exp())
        terms = {"aggregation": loss, "close": close, "memory_spread": net.bank.spread()}
        return Loss(loss, terms | measures.pulse(v), memo={"index": batch.index, "v": v.detach()})

    def after_step(self, net: AggregatingNet, now: Moment, memos: Mapping[str, Any]) -> None:
        del now
        net.bank.update(memos["encoder"]["index"], memos["encoder"]["v"], self.keep)

    def encode(self, net: AggregatingNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.net.body(x)
        return h
