r"""Classification by the cosine to one direction for each class: a plain classifier whose codes make a good metric.

**Model.** $p(y | x) \propto \exp(\cos(f(x), W_y) / \tau)$, with a learned direction $W_y$ for each class.

**Objective.** $-\log p(y | x)$. Wang et al. (sec. 3) write $s = 1 / \tau$ and show that without such a scale the loss cannot fall far:
cosines end at 1. Zhai and Wu use it with batches by class for retrieval.

**Notation.** `tau` = $\tau$; `W` (classes, z).

**When it fails.** Classes that the training part lacks are only as far apart as chance has it, and with as many classes as groups $W$ grows
large and each class is seen seldom. Look at retrieval on new classes.

**Reference.** F. Wang et al., NormFace: L2 hypersphere embedding for face verification, 2017, https://arxiv.org/abs/1704.06369.
A. Zhai and H.-Y. Wu, Classification is a strong baseline for deep metric learning, 2019, https://arxiv.org/abs/1811.12649
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self, final

import torch
from torch import nn

from allegory import nets
from allegory.core import Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Recipe, Spec
from allegory.methods.metric._labelled import Classes, Codes, Labelled
from allegory.objectives import hypersphere_softmax


class Directed(nets.Projected):
    """An encoder with a head, and a direction for each class."""

    def __init__(self, classes: int, spec: Spec, encoder: str, hidden: int, out: int, depth: int):
        super().__init__(spec, encoder, hidden, out, depth)
        self.W = nn.Parameter(nn.init.normal_(torch.empty(classes, self.out)))


@final
@dataclass(frozen=True)
class HypersphereSoftmax(Labelled):
    """Normalised softmax (Wang et al. 2017): minimises -log p(y | x) with p from cosines over tau, in nats.

    tau: temperature. classes: how many; None follows the labels, or the groups.
    """

    tau: float = 0.1
    classes: int | None = None

    sphere: ClassVar[bool] = True
    # Deviates: no layer norm before the sphere (Zhai and Wu), and a fixed scale (Wang et al. also learn it).
    recipe: ClassVar[Recipe] = Recipe(steps=1000, batch=128, optim=Optim(lr=2e-3), note="Zhai and Wu: tau .05, batch 75")
    card: ClassVar[Card] = Card(
        family="metric",
        title="Softmax on the hypersphere",
        paper=Paper("Wang et al.", "NormFace: L2 Hypersphere Embedding for Face Verification", 2017, "https://arxiv.org/abs/1704.06369",
                    "sec. 3"),
        density="not modelled", manifold="hypersphere", principle="prediction of a hidden property",
        modelled=r"p(y|x) \propto \exp(\cos(f(x), W_y) / \tau)", minimised=r"-\log p(y|x)", unit="nats per example",
        buys="No pairs, no miner, no large batch: each item meets every class.",
        costs="Needs labels or groups, and a direction for each class.",
        fails="Classes that were not trained on; look at retrieval on them.",
        supervision="labels", groups=True, code=CodeKind(), tiny={"projection": 8}, falls="encoder/cross_entropy",
        laws=("order of examples",),
        claims=(
            Claim("retrieval", "map_at_r", "digits", 0.955, {}, seeds=3),
            Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.845, {}, seeds=3),
        ),
    )  # fmt: skip

    def resolved(self, spec: Spec, source: Any) -> Self:
        filled = super().resolved(spec, source)
        told = source.told(groups=True)
        return filled if self.classes is not None or told is None else dataclasses.replace(filled, classes=len(told.names))

    def build(self, spec: Spec, n: int) -> Directed:
        del n
        return Directed(self.classes or 2, spec, self.encoder, self.hidden, self.projection, self.depth)

    def judge(self, net: Any, z: Codes, y: Classes, now: Moment) -> Loss:
        del now
        loss, accuracy = hypersphere_softmax(z, net.W, y, self.tau)
        return Loss(loss, {"cross_entropy": loss, "accuracy": accuracy})
