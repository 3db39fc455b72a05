r"""Two items of one class should have one code, two of different classes codes farther apart than a margin.

**Model.** $D = |f(x) - f(x')|$, the Euclidean distance of the codes of one network that is applied to both.

**Objective.** $\tfrac12 D^2$ for a similar pair, $\tfrac12 \max(0, m - D)^2$ for a dissimilar one (sec. 2.1, the exact form of the loss).

**Notation.** `margin` = $m$; `f` = the net with its head.

**When it fails.** All distances are held to one margin, so a class of many looks is squeezed like one of few; beyond the margin nothing
is learned. A margin far below the distances that an untrained net gives lets the first steps squeeze everything (on digits MAP@R .81
with a margin of 1, .92 with 4). Look at the neighbours and at the length of the codes.

**Reference.** R. Hadsell, S. Chopra and Y. LeCun, Dimensionality reduction by learning an invariant mapping, 2006,
https://doi.org/10.1109/CVPR.2006.100
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from allegory.core import Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Recipe
from allegory.methods.metric._labelled import Classes, Codes, Labelled
from allegory.objectives import contrastive


@final
@dataclass(frozen=True)
class Siamese(Labelled):
    """Siamese networks (Hadsell, Chopra and LeCun 2006): minimises D^2 / 2 of similar and max(0, margin - D)^2 / 2 of dissimilar pairs.

    margin: the distance from which on dissimilar items are left alone.
    """

    margin: float = 4.0

    recipe: ClassVar[Recipe] = Recipe(steps=1000, batch=128, optim=Optim(lr=2e-3))
    card: ClassVar[Card] = Card(
        family="metric",
        title="Siamese networks",
        paper=Paper("Hadsell, Chopra and LeCun", "Dimensionality Reduction by Learning an Invariant Mapping", 2006,
                    "https://doi.org/10.1109/CVPR.2006.100", "sec. 2.1, exact form"),
        density="not modelled", manifold="Euclidean space", principle="contrast",
        modelled=r"D = |f(x) - f(x')|",
        # Deviates: each kind of pair is averaged by itself, where the paper sums a fixed set of pairs.
        minimised=r"E_S\,\tfrac12 D^2 + E_D\,\tfrac12 \max(0, m - D)^2", unit="squared distance, of a similar and of a dissimilar pair",
        buys="Euclidean distances that mean something, from pairs that are said to belong together or not.",
        costs="Needs labels or groups; one margin for all pairs.",
        fails="Classes of many looks are squeezed as much as others, and everything is at first where the margin is small (MAP@R on "
        "digits after 300 steps: .81 with 1, .92 with 4); look at the neighbours and the length of the codes, and change the margin.",
        supervision="labels", groups=True, code=CodeKind(), tiny={"projection": 8}, laws=("order of examples",),
        claims=(
            Claim("retrieval", "map_at_r", "digits", 0.97, {}, seeds=3),
            Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.815, {}, seeds=3),
        ),
    )  # fmt: skip

    def judge(self, net: Any, z: Codes, y: Classes, now: Moment) -> Loss:
        del net, now
        loss = contrastive(z, y, self.margin)
        return Loss(loss, {"contrastive": loss})
