r"""Predict a slow teacher's code of one view from the other view; no negatives.

**Model.** Student $f_\theta$, projection $g_\theta$, predictor $q_\theta$; a teacher $(f_\xi, g_\xi)$ that follows the student.

**Objective.** $2 - 2\cos(q_\theta(z_\theta), \mathrm{sg}(z'_\xi))$, both ways round (eq. 2); then $\xi \leftarrow \tau\xi + (1-\tau)\theta$
with $\tau = 1 - (1 - \tau_0)(\cos(\pi\,t) + 1)/2$ (eq. 1 and sec. 3.2).

**Notation.** `q` = predictor, `tau` = $\tau_0$, `t` = progress.

**When it fails.** Collapse to one point, when the teacher follows too fast or the predictor learns too slowly: look at the effective rank.

**Reference.** J.-B. Grill et al., Bootstrap Your Own Latent, 2020, https://arxiv.org/abs/2006.07733
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from allegory import nets
from allegory.core import Card, Claim, CodeKind, Moment, Optim, Paper, Recipe, Spec, move_average
from allegory.methods.contrastive._joint import Codes
from allegory.methods.contrastive._predicting import Predicting, PredictingNet
from allegory.objectives import cosine_regression


class BYOLNet(PredictingNet):
    """Student and predictor, which learn, and teacher, which follows."""

    def __init__(self, student: nets.Projected, narrow: int):
        super().__init__(student, narrow)
        self.teacher = nets.teacher_of(student)


@final
@dataclass(frozen=True)
class BYOL(Predicting[BYOLNet]):
    """BYOL (Grill et al. 2020): minimises 2 - 2 cos(q(z), sg(z')) between two views, the second seen by a moving-average teacher.

    tau: how much the teacher keeps at the start. The predictor is as wide as the head.
    """

    tau: float = 0.97

    recipe: ClassVar[Recipe] = Recipe(steps=400, batch=128, optim=Optim(lr=2e-3), note="paper: tau .996, batch 4096, LARS, 1000 epochs")
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Bootstrap your own latent",
        paper=Paper(
            "Grill et al.",
            "Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning",
            2020,
            "https://arxiv.org/abs/2006.07733",
            "1 and 2",
        ),
        density="not modelled",
        manifold="hypersphere",
        principle="prediction of a hidden property",
        modelled=r"q_\theta(g_\theta(f_\theta(v))) \approx g_\xi(f_\xi(v'))",
        minimised=r"2 - 2\cos(q_\theta(z_\theta), \mathrm{sg}(z'_\xi)) \;+\; \text{the same with } v, v' \text{ swapped}",
        unit="squared distance on the sphere",
        buys="No negatives: small batches work, and no false negatives.",
        costs="A second network in memory, and no objective that says when it is done.",
        fails="Collapse, or few directions, when the targets are poor at first: a teacher that normalised by running statistics, which "
        "lag behind, left one training seed in three there (digits, 1 % of the labels: .43, and .76 with the statistics of the batch); "
        "look at the effective rank, raise tau or the predictor's learning rate.",
        code=CodeKind(),
        tiny={"projection": 16, "hidden": 32},
        laws=("swap of views", "order of examples"),
        claims=(
            Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.705, {}, seeds=3),
            Claim("linear_probe", "accuracy", "digits", 0.97, {"batch": 256}, seeds=3),
        ),
    )

    def build(self, spec: Spec, n: int) -> BYOLNet:
        del n
        student = nets.Projected(spec, self.encoder, self.hidden, self.projection)
        return BYOLNet(student, self.hidden or student.body.out)

    def target(self, net: BYOLNet, view: Any, z: Codes) -> Codes:
        del z
        # By the statistics of the batch: the running ones lag behind, and early targets would be nearly the same for all items.
        with torch.no_grad(), nets.batch_statistics(net.teacher):
            code: Codes = net.teacher(view)
        return code

    def miss(self, prediction: Codes, target: Codes) -> Float[Tensor, " b"]:
        return cosine_regression(prediction, target)

    def after_step(self, net: BYOLNet, now: Moment, memos: Mapping[str, Any]) -> None:
        del memos
        keep = 1.0 - (1.0 - self.tau) * (math.cos(math.pi * now.progress) + 1.0) / 2.0
        move_average(net.teacher, net.student, keep)
