r"""A dictionary of keys that is larger than a batch: a queue of the last keys, made by a slow copy of the encoder.

**Model.** Student $f_q$ with a head makes the query $q$ of one view, teacher $f_k$ the key $k_+$ of the other; both on the sphere.

**Objective.** $-\log \exp(q \cdot k_+/\tau) / (\exp(q \cdot k_+/\tau) + \sum_{k} \exp(q \cdot k/\tau))$ with $k$ over the queue (eq. 1);
then $\theta_k \leftarrow m\theta_k + (1 - m)\theta_q$ (eq. 2), and the keys of the batch replace the oldest in the queue.

**Notation.** `tau` = $\tau$, `keep` = $m$, `queue` = the queue and its size; `depth` 1 is the linear head of v1, 2 the head of v2.

**When it fails.** A teacher that moves too fast for its queue (old keys no longer agree with new ones) or too slowly to be worth following;
a queue that holds much of a small data set also holds the query's own item; look at `memory_spread` and at alignment.

**Reference.** K. He et al., Momentum Contrast for Unsupervised Visual Representation Learning, 2020, https://arxiv.org/abs/1911.05722;
v2: X. Chen et al., Improved Baselines with Momentum Contrastive Learning, 2020, https://arxiv.org/abs/2003.04297
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch

from allegory import measures, nets
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, batch_mean
from allegory.methods.contrastive._momentum import Momentum, MomentumNet
from allegory.objectives import info_nce


class MoCoNet(MomentumNet):
    """Student, teacher, and the queue of the teacher's keys."""

    def __init__(self, spec: Spec, encoder: str, hidden: int, out: int, depth: int, size: int):
        super().__init__(spec, encoder, hidden, out, depth)
        self.queue = nets.Queue(size, self.student.out)


@final
@dataclass(frozen=True)
class MoCo(Momentum[MoCoNet]):
    """MoCo (He et al. 2020): minimises InfoNCE of a query and its key against a queue of keys, in nats.

    queue: keys that are remembered.
    """

    queue: int = 4096

    recipe: ClassVar[Recipe] = Recipe(
        steps=300, batch=256, optim=Optim(lr=4e-3), note="paper: queue 65536, m .999, tau .07 (v2: .2), batch 256, SGD .03, 200 epochs"
    )
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Momentum contrast",
        paper=Paper("He et al.", "Momentum Contrast for Unsupervised Visual Representation Learning", 2020,
                    "https://arxiv.org/abs/1911.05722", "1 and 2"),
        density="not modelled", manifold="hypersphere", principle="contrast",
        modelled=r"q \cdot k_+ = \cos(f_q(v), f_k(v'))",
        minimised=r"-\log \frac{\exp(q \cdot k_+/\tau)}{\exp(q \cdot k_+/\tau) + \sum_{k \in \mathrm{queue}} \exp(q \cdot k/\tau)}",
        unit="nats per query",
        buys="Many negatives with a small batch, and one view a step that needs a gradient.",
        costs="A second network and a queue in memory; keys are a little old.",
        fails="A teacher too fast for its queue or too slow to follow; false negatives, the more the larger the queue is beside the data; "
        "look at memory_spread, neighbours and alignment.",
        code=CodeKind(), tiny={"projection": 16, "queue": 64}, laws=("order of examples",), falls="student/info_nce",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.715, {}, seeds=3),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> MoCoNet:
        del n
        return MoCoNet(spec, self.encoder, self.hidden, self.projection, self.depth, self.queue)

    def players(self, net: MoCoNet) -> Sequence[Player]:
        alone = not nets.has_batch_statistics(net.student)
        return [Player("student", (net.student,), partial(self._loss, net), additive=alone)]

    def _loss(self, net: MoCoNet, batch: Batch, now: Moment) -> Loss:
        del now
        first, second = batch.views
        with torch.no_grad():
            # Deviates: the teacher normalises by running statistics that follow the student's (as in Cai et al. 2021, arXiv:2101.08482),
            # not by those of its batch. A key then bears no mark of the batch it came with, by which it could be told from the queue:
            # this is what the paper shuffles examples among processes for. Our norms span all processes, so shuffling would not help.
            k = net.teacher(second)
        q = net.student(first)
        loss = batch_mean(info_nce(q, k, self.tau, net.queue.codes))
        return Loss(loss, {"info_nce": loss, "memory_spread": net.queue.spread()} | measures.pulse(q), memo=k)

    def after_step(self, net: MoCoNet, now: Moment, memos: Mapping[str, Any]) -> None:
        super().after_step(net, now, memos)
        net.queue.push(memos["student"])
