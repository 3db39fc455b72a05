r"""Each number of a projection should be the same in both views, and say nothing that another number says already.

**Model.** $z = g(f(v))$, wider than the code; $C_{ij}$ the correlation, over the batch, of $z_i$ in one view with $z_j$ in the other.

**Objective.** $\sum_i (1 - C_{ii})^2 + \lambda \sum_i \sum_{j \ne i} C_{ij}^2$ (eq. 1), with $C$ of eq. 2.

**Notation.** `lam` = $\lambda$; the reported terms are `invariance` (the first sum) and `redundancy` (the second, without $\lambda$).

**When it fails.** A small batch makes $C$ noisy, a large `lam` buys independence with invariance: look at the two terms, and at the
effective rank.

**Reference.** J. Zbontar et al., Barlow Twins: Self-Supervised Learning via Redundancy Reduction, 2021, https://arxiv.org/abs/2103.03230
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory.core import Card, Claim, CodeKind, Loss, Optim, Paper, Recipe
from allegory.methods.contrastive._joint import Codes, Joint
from allegory.objectives import cross_correlation, decorrelation


@final
@dataclass(frozen=True)
class BarlowTwins(Joint):
    """Barlow Twins (Zbontar et al. 2021): minimises how far the cross-correlation of two views is from the identity.

    lam: the price of correlation between different numbers.
    """

    # Deviates: a projection of 256 (paper: 8192, and the wider the better) and a head of 2 layers (paper: 3), to suit small images.
    hidden: int = 256
    projection: int = 256
    lam: float = 0.005

    recipe: ClassVar[Recipe] = Recipe(steps=300, batch=128, optim=Optim(lr=2e-3), note="paper: batch 2048, LARS, 1000 epochs")
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Barlow Twins",
        paper=Paper("Zbontar et al.", "Barlow Twins: Self-Supervised Learning via Redundancy Reduction", 2021,
                    "https://arxiv.org/abs/2103.03230", "1 and 2"),
        density="not modelled", manifold="Euclidean space", principle="compression",
        modelled=r"C_{ij} = \mathrm{corr}_b(g(f(v_b))_i, g(f(v'_b))_j) \approx \delta_{ij}",
        minimised=r"\sum_i (1 - C_{ii})^2 + \lambda \sum_i \sum_{j \ne i} C_{ij}^2", unit="squared correlations, summed",
        buys="No negatives, no teacher, no stop-gradient: a constant code is costly by the objective itself.",
        costs="A wide projection, and statistics of the batch that must be large enough for them.",
        fails="A batch much smaller than the projection, or a large lam; look at invariance and redundancy, and at the effective rank.",
        code=CodeKind(), tiny={"projection": 16, "hidden": 32}, laws=("swap of views", "order of examples"), falls="encoder/invariance",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.725, {}, seeds=3),),
    )  # fmt: skip

    def contrast(self, first: Codes, second: Codes) -> Loss:
        invariance, redundancy = decorrelation(cross_correlation(first, second))
        return Loss(invariance + self.lam * redundancy, {"invariance": invariance, "redundancy": redundancy})
