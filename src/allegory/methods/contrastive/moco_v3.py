r"""Momentum contrast without the queue: the keys of a large batch are enough, and the query is predicted.

**Model.** Student $f_q$: encoder, head and predictor; teacher $f_k$: encoder and head. Of two views they make $q_1, q_2$ and
$k_1, k_2$, on the sphere.

**Objective.** $\mathrm{ctr}(q_1, k_2) + \mathrm{ctr}(q_2, k_1)$ with
$\mathrm{ctr}(q, k) = -2\tau \log \exp(q_i \cdot k_i/\tau) / \sum_j \exp(q_i \cdot k_j/\tau)$ (eq. 1 and algorithm 1), $j$ over the batch;
then $\theta_k \leftarrow m\theta_k + (1 - m)\theta_q$. The factor $2\tau$ makes the loss as large as BYOL's at any temperature.

**Notation.** `tau` = $\tau$, `keep` = $m$, `q` = the predictor.

**When it fails.** Small batches: there are no other negatives. With vision transformers training may dip and recover without an alarm
(section 4 of the paper); a lower learning rate helps.

**Reference.** X. Chen, S. Xie and K. He, An Empirical Study of Training Self-Supervised Vision Transformers, 2021,
https://arxiv.org/abs/2104.02057
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from allegory import measures, nets
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, batch_mean
from allegory.methods.contrastive._momentum import Momentum, MomentumNet
from allegory.objectives import info_nce

Pairs = dict[str, Float[Tensor, "b 2 p"]]


class MoCoV3Net(MomentumNet):
    """Student and predictor, which learn, and teacher, which follows the student."""

    def __init__(self, spec: Spec, encoder: str, hidden: int, out: int, depth: int):
        super().__init__(spec, encoder, hidden, out, depth)
        out = self.student.out
        self.q = nets.head((out, hidden or self.student.body.out, out), self.student.norm)


@final
@dataclass(frozen=True)
class MoCoV3(Momentum[MoCoV3Net]):
    """MoCo v3 (Chen, Xie and He 2021): minimises InfoNCE between predicted queries and a teacher's keys of the batch, times 2 tau."""

    recipe: ClassVar[Recipe] = Recipe(
        steps=300, batch=128, optim=Optim(lr=4e-3), note="paper: batch 4096, tau .2 (ViT) or 1 (ResNet), m .99 to 1, heads 4096 wide"
    )
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="MoCo v3",
        paper=Paper("Chen, Xie and He", "An Empirical Study of Training Self-Supervised Vision Transformers", 2021,
                    "https://arxiv.org/abs/2104.02057", "1"),
        density="not modelled", manifold="hypersphere", principle="contrast",
        modelled=r"q_i \cdot k_j = \cos(q(f_q(v_i)), f_k(v'_j))",
        minimised=r"-2\tau \log \frac{\exp(q_i \cdot k_i/\tau)}{\sum_j \exp(q_i \cdot k_j/\tau)}"
        r" \;+\; \text{the same with } v, v' \text{ swapped}",
        unit="nats times 2 tau, of two queries",
        buys="A teacher's steady keys without a queue that grows old; suits transformers.",
        costs="Four passes an item (two with a gradient), and large batches.",
        fails="Small batches have few negatives; transformers may become unstable without a visible alarm: watch the loss for dips, and "
        "lower the learning rate.",
        code=CodeKind(), tiny={"projection": 16}, laws=("swap of views", "order of examples"), falls="student/info_nce",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.73, {}, seeds=3),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> MoCoV3Net:
        del n
        # Deviates: heads end without a norm of their own, and the teacher's share does not rise above `keep`; in the paper it ends at 1.
        return MoCoV3Net(spec, self.encoder, self.hidden, self.projection, self.depth)

    def players(self, net: MoCoV3Net) -> Sequence[Player]:
        return [Player.comparing("student", (net.student, net.q), partial(self._embedded, net), self._loss)]

    def _embedded(self, net: MoCoV3Net, batch: Batch, now: Moment) -> Pairs:
        del now
        queries = [net.q(net.student(view)) for view in batch.views]
        with torch.no_grad(), nets.batch_statistics(net.teacher):  # as in the paper: all keys are of this batch
            keys = [net.teacher(view) for view in batch.views]
        return {"q": torch.stack(queries, 1), "k": torch.stack(keys, 1)}

    def _loss(self, z: Pairs, batch: Batch, now: Moment) -> Loss:
        del batch, now
        q, k = z["q"], z["k"]
        both = info_nce(q[:, 0], k[:, 1], self.tau) + info_nce(q[:, 1], k[:, 0], self.tau)
        loss = batch_mean(both) * 2.0 * self.tau
        return Loss(loss, {"info_nce": loss} | measures.pulse(q[:, 0]))
