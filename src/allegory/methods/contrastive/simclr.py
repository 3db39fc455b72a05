r"""Two views of one item should be told from the views of all others.

**Model.** $h = f(x)$ is the code; $z = g(h)$ its projection, where the loss is taken; $s_{ij}$ the cosine of $z_i$ and $z_j$.

**Objective.** $\ell_{ij} = -\log \exp(s_{ij}/\tau) / \sum_{k \ne i} \exp(s_{ik}/\tau)$, mean over all ordered positive pairs (eq. 1).

**Notation.** `tau` = $\tau$, `f` = `body`, `g` = `head`.

**When it fails.** Views that leave a shortcut (a colour histogram, a border) or destroy what matters; too few negatives; look at the
neighbours, and at alignment and uniformity.

**Reference.** T. Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, 2020,
https://arxiv.org/abs/2002.05709
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory import views
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, Trained, Views
from allegory.methods.contrastive._projected import ProjectedNet
from allegory.objectives import nt_xent


@final
@dataclass(frozen=True)
class SimCLR(Trained[ProjectedNet]):
    """SimCLR (Chen et al. 2020): minimises NT-Xent between two views of each item, in nats.

    tau: temperature. encoder: name of a net. hidden, projection: widths of the head (hidden 0: as wide as the code).
    """

    tau: float = 0.5
    encoder: str = "default"
    hidden: int = 0
    projection: int = 64

    recipe: ClassVar[Recipe] = Recipe(steps=400, batch=256, optim=Optim(lr=4e-3), note="paper: batch 4096, LARS 4.8, 1000 epochs")
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="SimCLR",
        paper=Paper("Chen et al.", "A Simple Framework for Contrastive Learning of Visual Representations", 2020,
                    "https://arxiv.org/abs/2002.05709", "1"),
        density="not modelled", manifold="hypersphere", principle="contrast",
        modelled=r"s_{ij} = \cos(g(f(x_i)), g(f(x_j)))",
        minimised=r"-\log \frac{\exp(s_{ij}/\tau)}{\sum_{k \ne i} \exp(s_{ik}/\tau)}", unit="nats per view",
        buys="Codes that few labels can read, with no decoder to train.",
        costs="What the views change is lost on purpose; large batches help.",
        fails="Shortcuts and false negatives; look at neighbours, alignment and uniformity, and change the views or tau.",
        code=CodeKind(), specs=("image", "vector"), tiny={"projection": 16},
        laws=("swap of views", "order of examples"),
        claims=(
            Claim("few_labels", "accuracy@1", "digits", 0.88, {}, seeds=5),
            Claim("linear_probe", "accuracy", "digits", 0.987, {}, seeds=5),
        ),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.Pair(views.augment(spec, source.mirror))

    def build(self, spec: Spec, n: int) -> ProjectedNet:
        del n
        return ProjectedNet(spec, self.encoder, self.hidden, self.projection)

    def players(self, net: ProjectedNet) -> Sequence[Player]:
        return [Player("encoder", (net,), partial(self._loss, net))]

    def _loss(self, net: ProjectedNet, batch: Batch, now: Moment) -> Loss:
        del now
        first, second = batch.views
        loss = nt_xent(net(first), net(second), self.tau)
        return Loss(loss, {"nt_xent": loss})

    def encode(self, net: ProjectedNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.body(x)
        return h
