r"""SimCLR told the classes: the views of all items of a class are each other's positives.

**Model.** $h = f(x)$ is the code; $z = g(h)$ its projection, where the loss is taken; $s_{ij}$ the cosine of $z_i$ and $z_j$.

**Objective.** $-\tfrac{1}{|P(i)|} \sum_{p \in P(i)} \log \exp(s_{ip}/\tau) / \sum_{a \ne i} \exp(s_{ia}/\tau)$ ($L_{out}$, eq. 2), with
$P(i)$ all other views in the batch of items of the class of $i$, and the mean over $i$. The logarithm stands inside the sum.

**Notation.** `tau` = $\tau$; two views an item, so $2b$ codes in a batch of $b$.

**When it fails.** Every class is drawn to one point, and what tells its items apart is lost: below the head less than above it. Look at
the neighbours within a class, and at transfer to other labels.

**Reference.** P. Khosla et al., Supervised Contrastive Learning, 2020, https://arxiv.org/abs/2004.11362
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory import measures, nets, views
from allegory.core import Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Recipe, Spec, Views
from allegory.methods.metric._labelled import Classes, Codes, Labelled
from allegory.objectives import sup_con


@final
@dataclass(frozen=True)
class SupCon(Labelled):
    """Supervised contrastive learning (Khosla et al. 2020): minimises L_out, the mean over the positives of an item of -log p, in nats.

    tau: temperature. depth: layers of the head, below which the code is, as in the paper.
    """

    depth: int = 2
    tau: float = 0.2

    recipe: ClassVar[Recipe] = Recipe(steps=700, batch=128, optim=Optim(lr=2e-3), note="paper: tau .1, batch 6144, 350 epochs")
    card: ClassVar[Card] = Card(
        family="metric",
        title="Supervised contrastive learning",
        paper=Paper("Khosla et al.", "Supervised Contrastive Learning", 2020, "https://arxiv.org/abs/2004.11362", "2"),
        density="not modelled", manifold="hypersphere", principle="contrast",
        modelled=r"s_{ij} = \cos(g(f(x_i)), g(f(x_j)))",
        minimised=r"-\frac{1}{|P(i)|} \sum_{p \in P(i)} \log \frac{\exp(s_{ip}/\tau)}{\sum_{a \ne i} \exp(s_{ia}/\tau)}",
        unit="nats per view",
        buys="All items of a class pull at once, and hard ones pull most, without a miner.",
        costs="Needs labels or groups; two views an item.",
        fails="Classes shrink to points and lose what tells their items apart; look at neighbours within a class and at other labels.",
        supervision="labels", groups=True, code=CodeKind(), tiny={"projection": 16}, laws=("swap of views", "order of examples"),
        claims=(
            Claim("retrieval", "map_at_r", "digits", 0.935, {}, seeds=3),
            Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.815, {}, seeds=3),
        ),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        # Deviates: a shift and a flip for the paper's AutoAugment; in two minutes of Fashion-MNIST strong views cost .05 with 1 % of labels
        return views.Pair(views.mild(spec, source.mirror))

    def judge(self, net: Any, z: Codes, y: Classes, now: Moment) -> Loss:
        del net, now
        loss = sup_con(z, y, self.tau)
        return Loss(loss, {"sup_con": loss} | measures.pulse(z))

    def encode(self, net: nets.Projected, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.body(x)
        return h
