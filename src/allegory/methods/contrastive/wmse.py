r"""Whiten the projections of a batch, then pull the two views of each item together: what is white cannot lie in one point.

**Model.** $z = g(f(v))$; $v = W (z - \bar z)$ with $W$ the inverse of the Cholesky factor of the batch's covariance of $z$, so that the
batch's covariance of $v$ is the identity.

**Objective.** $\mathrm{dist}(v, v') = |v/|v| - v'/|v'||^2 = 2 - 2\cos(v, v')$, the mean over the positive pairs (section 3).

**Notation.** `whitened` gives $v$; `distance` is the reported term.

**When it fails.** A batch that is small beside the projection (the paper takes twice its width): the whitening is then noise, and the
distance stays near 2. Look at it, and lower the projection or raise the batch.

**Reference.** A. Ermolov et al., Whitening for Self-Supervised Representation Learning, 2021, https://arxiv.org/abs/2007.06346
"""

from dataclasses import dataclass
from typing import ClassVar, final

from torch.nn import functional as F

from allegory.core import Card, Claim, CodeKind, Loss, Optim, Paper, Recipe, batch_mean
from allegory.methods.contrastive._joint import Codes, Joint
from allegory.objectives import whitened


@final
@dataclass(frozen=True)
class WMSE(Joint):
    """W-MSE (Ermolov et al. 2021): minimises the squared distance, on the sphere, of the whitened projections of two views."""

    # Deviates: 16 numbers (paper: 64), so that a batch of 128 whitens them well; with 64 or 32 the codes use half as many directions.
    projection: int = 16
    hidden: int = 256

    recipe: ClassVar[Recipe] = Recipe(
        steps=300,
        batch=128,
        optim=Optim(lr=2e-3),
        note="paper: 64 numbers whitened over 128 items, batch 512, 1000 epochs",
    )
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Whitening MSE",
        paper=Paper("Ermolov et al.", "Whitening for Self-Supervised Representation Learning", 2021,
                    "https://arxiv.org/abs/2007.06346", "section 3"),
        density="not modelled", manifold="hypersphere", principle="compression",
        modelled=r"v = W (g(f(x)) - \bar z),\quad W \mathrm{Cov}(z) W^\top = I",
        minimised=r"2 - 2 \cos(v, v')", unit="squared distance on the sphere",
        buys="No negatives, no teacher, no stop-gradient and no weights to balance: collapse is impossible after the whitening.",
        costs="A factorisation of the covariance a step, and a batch of at least twice the projection.",
        fails="A batch that is small beside the projection; look at the distance, which stays near 2, and raise the batch. On "
        "Fashion-MNIST with a batch of 128 and 1 % of the labels, 64 numbers read .72 (effective rank 13), 16 read .75 (rank 39).",
        code=CodeKind(), tiny={"projection": 8, "hidden": 32}, laws=("swap of views", "order of examples"), falls="encoder/distance",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.735, {}, seeds=3),),
    )  # fmt: skip

    def contrast(self, first: Codes, second: Codes) -> Loss:
        # Deviates: each view is whitened over the whole batch; the paper splits it at random into parts of twice the projection.
        v, w = F.normalize(whitened(first), dim=1), F.normalize(whitened(second), dim=1)
        loss = batch_mean((v - w).square().sum(1))
        return Loss(loss, {"distance": loss})
