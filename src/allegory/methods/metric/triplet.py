r"""An anchor should be nearer to an item of its class than to any of another, by a margin.

**Model.** $z = f(x) / |f(x)|$ on the unit sphere; $d$ = squared Euclidean distance there, between 0 and 4.

**Objective.** $\max(0,\; d(a, p) - d(a, n) + \alpha)$ (sec. 3.1), the mean over the triplets (anchor, positive, negative) that a miner
chooses from the batch: "semi-hard" (sec. 3.2: farther than the positive, inside the margin), "hardest" (Hermans et al. 2017: the farthest
positive and the nearest negative of each anchor), "distance-weighted" (Wu et al. 2017, sec. 4: one negative for each positive, drawn so
that all distances come up alike) or "all" that violate the margin.

**Notation.** `margin` = $\alpha$; `active`: the share of all triplets of the batch that violate the margin, which falls as it learns while
the loss of semi-hard triplets, always between 0 and $\alpha$, need not.

**When it fails.** "hardest" may collapse to one point early on, and follows wrong labels; with "semi-hard" learning ends when the batch
has no such triplet. Look at `active`, and at the effective rank.

**Reference.** F. Schroff, D. Kalenichenko and J. Philbin, FaceNet: A unified embedding for face recognition and clustering, 2015,
https://arxiv.org/abs/1503.03832. A. Hermans, L. Beyer and B. Leibe, In defense of the triplet loss for person re-identification, 2017,
https://arxiv.org/abs/1703.07737. C.-Y. Wu et al., Sampling matters in deep embedding learning, 2017, https://arxiv.org/abs/1706.07567
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

from allegory.core import Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Recipe, processes
from allegory.methods.metric._labelled import Classes, Codes, Labelled
from allegory.objectives import triplet


@final
@dataclass(frozen=True)
class Triplet(Labelled):
    """Triplet loss (Schroff et al. 2015): minimises max(0, d(a, p) - d(a, n) + margin) over mined triplets.

    margin: by how much a negative should be farther than a positive, in squared distances on the unit sphere. miner: which triplets,
    "semi-hard", "hardest", "distance-weighted" or "all".
    """

    margin: float = 0.2
    miner: Literal["semi-hard", "hardest", "distance-weighted", "all"] = "semi-hard"

    sphere: ClassVar[bool] = True
    recipe: ClassVar[Recipe] = Recipe(steps=1000, batch=128, optim=Optim(lr=2e-3), note="paper: batch 1800, AdaGrad .05")
    card: ClassVar[Card] = Card(
        family="metric",
        title="Triplet loss",
        paper=Paper("Schroff et al.", "FaceNet: A Unified Embedding for Face Recognition and Clustering", 2015,
                    "https://arxiv.org/abs/1503.03832", "sec. 3.1"),
        density="not modelled", manifold="hypersphere", principle="contrast",
        modelled=r"d(x, x') = |z - z'|^2, \quad z = f(x) / |f(x)|",
        minimised=r"\max(0,\; d(a, p) - d(a, n) + \alpha) \;\text{ over mined triplets}", unit="squared distance on the sphere",
        buys="Only orders of distances are asked for, so a class may keep its spread.",
        costs="Needs labels or groups; what is learned hangs on which triplets are chosen.",
        fails="Hardest triplets may collapse to a point and follow wrong labels; semi-hard ones run out. Look at `active` and the "
        "effective rank, and change the miner or the margin.",
        supervision="labels", groups=True, code=CodeKind(), tiny={"projection": 8}, falls="encoder/active", laws=("order of examples",),
        claims=(
            Claim("retrieval", "map_at_r", "digits", 0.965, {}, seeds=3),
            Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.835, {}, seeds=3),
        ),
    )  # fmt: skip

    def judge(self, net: Any, z: Codes, y: Classes, now: Moment) -> Loss:
        # Deviates: all semi-hard negatives of an anchor and a positive for one of them; "hardest" on squared distances on the sphere, where
        # Hermans et al. take plain distances of codes of any length; "distance-weighted" with this loss, not the margin loss of its paper.
        del net
        views, everyone = len(z) // len(now.dice.keys), len(z) * processes()
        draws = now.dice.uniform("negative", views, everyone).flatten(0, 1) if self.miner == "distance-weighted" else None
        loss, active = triplet(z, y, self.margin, self.miner, draws)
        return Loss(loss, {"triplet": loss, "active": active})
