r"""Projections of two views should be near each other, spread over the batch in every number, and uncorrelated between numbers.

**Model.** $z = g(f(v))$, wider than the code, without any normalisation.

**Objective.** $\lambda s(Z, Z') + \mu (v(Z) + v(Z')) / 2 + \nu (c(Z) + c(Z'))$ (section 4.1): $s$ the mean squared difference,
$v = \tfrac1p \sum_j \max(0, \gamma - \sqrt{\mathrm{Var}(z_j) + \epsilon})$ with $\gamma = 1$, and $c = \tfrac1p \sum_{i \ne j} C(Z)_{ij}^2$
with $C$ the covariance.

**Notation.** `lam` = $\lambda$, `mu` = $\mu$, `nu` = $\nu$; the reported terms `invariance`, `variance` and `covariance` are without them.

**When it fails.** A `mu` that is small beside `lam` lets the code shrink to a point: `variance` stays near 1. A small `nu` leaves many
numbers that say the same: look at the effective rank.

**Reference.** A. Bardes, J. Ponce and Y. LeCun, VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning, 2022,
https://arxiv.org/abs/2105.04906
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory.core import Card, Claim, CodeKind, Loss, Optim, Paper, Recipe, batch_mean
from allegory.methods.contrastive._joint import Codes, Joint
from allegory.objectives import covariance_penalty, variance_hinge


@final
@dataclass(frozen=True)
class VICReg(Joint):
    """VICReg (Bardes et al. 2022): minimises the weighted sum of invariance, a hinge on the spread, and covariance.

    lam, mu, nu: the weights of invariance, variance and covariance.
    """

    # Deviates: a projection of 256 (paper: 8192) and a head of 2 layers (paper: 3), to suit small images.
    hidden: int = 256
    projection: int = 256
    lam: float = 25.0
    mu: float = 25.0
    nu: float = 1.0

    recipe: ClassVar[Recipe] = Recipe(steps=300, batch=128, optim=Optim(lr=2e-3), note="paper: batch 2048, LARS, 1000 epochs")
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="VICReg",
        paper=Paper("Bardes et al.", "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning", 2022,
                    "https://arxiv.org/abs/2105.04906", "section 4.1"),
        density="not modelled", manifold="Euclidean space", principle="compression",
        modelled=r"g(f(v)) \approx g(f(v')),\quad \mathrm{Var}(z_j) \ge \gamma^2,\quad \mathrm{Cov}(z_i, z_j) \approx 0",
        minimised=r"\lambda s(Z, Z') + \tfrac{\mu}{2} (v(Z) + v(Z')) + \nu (c(Z) + c(Z'))", unit="weighted sum of mean squares",
        buys="Three terms that can be read apart: collapse, disagreement and redundancy are each a number.",
        costs="Three weights, and a wide projection.",
        fails="A variance term that stays near 1 (collapse: raise mu), or a low effective rank (raise nu).",
        code=CodeKind(), tiny={"projection": 16, "hidden": 32}, laws=("swap of views", "order of examples"), falls="encoder/variance",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.735, {}, seeds=3),),
    )  # fmt: skip

    def contrast(self, first: Codes, second: Codes) -> Loss:
        # Deviates: s averages over the numbers too and v over the two views, as in the authors' code, for which 25, 25 and 1 were found.
        invariance = batch_mean((first - second).square().mean(1))
        variance = (variance_hinge(first) + variance_hinge(second)) / 2.0
        covariance = covariance_penalty(first) + covariance_penalty(second)
        loss = self.lam * invariance + self.mu * variance + self.nu * covariance
        terms = {"invariance": invariance, "variance": variance, "covariance": covariance}
        return Loss(loss, terms | {"projection_deviation": first.detach().std(0, unbiased=False).mean()})
