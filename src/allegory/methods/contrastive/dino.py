r"""Sort parts of a picture as a slow teacher sorts the whole: self-distillation with no labels.

**Model.** Student $g_{\theta_s}$ and teacher $g_{\theta_t}$: an encoder, a head whose output has norm 1, and $K$ prototypes of norm 1.
$P_s(v) = \mathrm{softmax}(g_{\theta_s}(v) / \tau_s)$ (eq. 1) and $P_t(v) = \mathrm{softmax}((g_{\theta_t}(v) - C) / \tau_t)$.

**Objective.** $-\sum_k P_t(v)_k \log P_s(v')_k$, the mean over global views $v$ and all other views $v' \ne v$ (eq. 2 and 3); then
$\theta_t \leftarrow \lambda\theta_t + (1-\lambda)\theta_s$, $\lambda$ rising to 1 by half a cosine, and
$C \leftarrow m C + (1-m) \bar g_{\theta_t}$ over the batch's global views (eq. 4).

**Notation.** `K` = prototypes, `tau_s`, `tau_t` = temperatures, `keep` = $\lambda$ at the start, `m` = `m`, `centre` = $C$.

**When it fails.** Centring and sharpening work against each other: without the first one prototype takes all (`prototype_use` falls to
1/K), without the second all are alike (`target_sharpness` falls to 0, and the loss stands at log K).

**Reference.** M. Caron et al., Emerging Properties in Self-Supervised Vision Transformers, 2021, https://arxiv.org/abs/2104.14294
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory import nets, views
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
    Tree,
    Views,
    move_average,
    tree,
)
from allegory.objectives import prototype_use, sharpened, swapped_prediction, target_sharpness

FIRST = 512


class Sorter(nn.Module):
    """An encoder with a head, and the prototypes that its output is compared with."""

    def __init__(self, spec: Spec, encoder: str, hidden: int, out: int, prototypes: int):
        super().__init__()
        self.projected = nets.Projected(spec, encoder, hidden, out, depth=3)
        self.prototypes = nets.Prototypes(self.projected.out, prototypes)

    def forward(self, x: Tree) -> Float[Tensor, "b k"]:
        scores: Tensor = self.prototypes(self.projected(x))
        return scores


class DINONet(nn.Module):
    """The student, which learns, the teacher, which follows, and the centre of what the teacher says."""

    centre: Float[Tensor, " k"]

    def __init__(self, student: Sorter, prototypes: int):
        super().__init__()
        self.student = student
        self.teacher = nets.teacher_of(student)
        self.register_buffer("centre", torch.zeros(prototypes))


@final
@dataclass(frozen=True)
class DINO(Trained[DINONet]):
    """DINO (Caron et al. 2021): minimises the cross-entropy between a teacher's prototypes for a view and the student's for others.

    prototypes: how many. tau_s, tau_t: temperatures of student and teacher. keep: how much the teacher keeps at the start. m: how much
    the centre keeps. encoder: name of a net. hidden, projection: widths of the head. crops: local views, `views.multi_crop`.
    """

    prototypes: int = 256
    tau_s: float = 0.1
    tau_t: float = 0.04
    keep: float = 0.97
    m: float = 0.9
    encoder: str = "default"
    hidden: int = 256
    projection: int = 64
    crops: int = 4

    recipe: ClassVar[Recipe] = Recipe(
        steps=180, batch=128, optim=Optim(lr=2e-3),
        note="paper: K 65536, keep .996, tau_t .04 to .07, 8 to 10 local views, last layer fixed for an epoch, batch 1024, 300 epochs",
    )  # fmt: skip
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Self-distillation with no labels",
        paper=Paper("Caron et al.", "Emerging Properties in Self-Supervised Vision Transformers", 2021,
                    "https://arxiv.org/abs/2104.14294", "2 to 4"),
        density="not modelled", manifold="hypersphere", principle="clustering",
        modelled=r"P_s(v) = \mathrm{softmax}(g_{\theta_s}(v) / \tau_s) \approx \mathrm{softmax}((g_{\theta_t}(v') - C) / \tau_t)",
        minimised=r"-\frac{1}{|\text{pairs}|} \sum_{v} \sum_{v' \ne v} \sum_k P_t(v)_k \log P_s(v')_k", unit="nats per pair of views",
        buys="No negatives; parts are taught by wholes, and small views are cheap.",
        costs="A second network, and two temperatures and a centre that must keep their balance.",
        fails="One prototype for all, or all alike; look at prototype_use and target_sharpness, and change m or tau_t.",
        code=CodeKind(), tiny={"projection": 16, "hidden": 32, "prototypes": 16, "crops": 1}, laws=("order of examples",),
        falls="student/cross_entropy",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.715, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.multi_crop(spec, source.mirror, self.crops)

    def build(self, spec: Spec, n: int) -> DINONet:
        del n
        return DINONet(Sorter(spec, self.encoder, self.hidden, self.projection, self.prototypes), self.prototypes)

    def prepare(self, net: DINONet, items: Items, dice: Dice) -> None:
        # Deviates: the centre begins at the mean over some items, not at 0. Untrained nets say nearly the same of all items, so that from
        # 0 a short training would first learn the one prototype that all begin with, and then have to unlearn it.
        del dice
        x = tree.to(items.take(slice(0, FIRST)), net.centre.device, net.centre.dtype)
        with torch.no_grad(), nets.batch_statistics(net.teacher):
            net.centre.copy_(net.teacher(x).mean(0))

    def players(self, net: DINONet) -> Sequence[Player]:
        alone = not nets.has_batch_statistics(net.student)
        return [Player("student", (net.student,), partial(self._loss, net), additive=alone)]

    def _loss(self, net: DINONet, batch: Batch, now: Moment) -> Loss:
        del now
        wholes, parts = batch.views[: views.GLOBALS], batch.views[views.GLOBALS :]
        with torch.no_grad(), nets.batch_statistics(net.teacher):
            said = [net.teacher(view) for view in wholes]  # each (b, K)
        targets = [sharpened(of_view, net.centre, self.tau_t) for of_view in said]
        scores = [net.student(view) for view in wholes]
        with nets.frozen_statistics(net.student):  # those of small views are not those of the pictures that are encoded later
            scores += [net.student(view) for view in parts]
        # Deviates: no warm-up of the teacher's temperature, and the prototypes learn from the first step on; the mean over the pairs of
        # views, as in the authors' code, for the sum of eq. 3.
        loss = swapped_prediction(scores, targets, self.tau_s)
        every = torch.cat(targets)
        terms = {"cross_entropy": loss, "prototype_use": prototype_use(every), "target_sharpness": target_sharpness(every)}
        return Loss(loss, terms, memo=torch.stack(said, 1).mean(1))

    def after_step(self, net: DINONet, now: Moment, memos: Mapping[str, Any]) -> None:
        with torch.no_grad():
            net.centre.lerp_(memos["student"].mean(0), 1.0 - self.m)
        move_average(net.teacher, net.student, 1.0 - (1.0 - self.keep) * (math.cos(math.pi * now.progress) + 1.0) / 2.0)

    def encode(self, net: DINONet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.student.projected.body(x)
        return h
