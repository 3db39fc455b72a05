r"""A VAE whose aggregate posterior is asked to have the covariance of the prior: the identity.

**Model.** As the VAE.

**Objective.** $-E_q \log p(x|z) + KL(q(z|x)\|p(z)) + \lambda_{od} \sum_{i \ne j} C_{ij}^2 + \lambda_d \sum_i (C_{ii} - 1)^2$, with $C =
\mathrm{Cov}_x[\mu(x)]$ for `kind` "I" (eq. 6) and $C = \mathrm{Cov}_x[\mu(x)] + E_x[\mathrm{diag}\,\sigma^2(x)]$, the covariance of q(z),
for "II" (eq. 7).

**Notation.** `lambda_od` = $\lambda_{od}$, `lambda_d` = $\lambda_d$ (paper: 10 times as much for I, as much for II).

**When it fails.** Uncorrelated is not independent: factors that depend on one another in a curved way pass. With I, the means of a latent
that says nothing are pulled to variance 1 and carry noise; II leaves it at the prior.

**Measured.** On small sprites (16 x 16, a fully connected net, 10 latents, 6,000 steps of 64, 5 seeds; docs/studies/disentangling.md)
the MIG of kind II is not told apart from the plain VAE's (lambda_od 2 -.02, -.09 to .04; 10 .01, -.09 to .11): seeds differ more than
methods at 6,000 steps, and no likelihood tells a turned square from an upright one.

**Reference.** A. Kumar, P. Sattigeri and A. Balakrishnan, Variational Inference of Disentangled Latent Concepts from Unlabeled
Observations, 2018, https://arxiv.org/abs/1711.00848
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Card, Claim, CodeKind, Dial, Moment, Optim, Paper, Player, Recipe, batch_mean
from allegory.methods.latent._variational import Posterior, Variational, VariationalNet
from allegory.objectives import covariance, decorrelation

TIMES = {"I": 10.0, "II": 1.0}  # lambda_d for each lambda_od where it is not said


@final
@dataclass(frozen=True)
class DIPVAE(Variational):
    """DIP-VAE (Kumar et al. 2018): minimises distortion + rate + a penalty on the covariance of the codes, in nats per example.

    kind: "I" the covariance of the means, "II" that of the draws. lambda_od, lambda_d: the price of squares beside and on the diagonal;
    lambda_d None is 10 lambda_od for I and lambda_od for II.
    """

    kind: Literal["I", "II"] = "II"
    lambda_od: float = 10.0
    lambda_d: float | None = None

    recipe: ClassVar[Recipe] = Recipe(steps=2000, batch=128, optim=Optim(lr=1e-3, weight_decay=0.0))
    card: ClassVar[Card] = Card(
        family="latent",
        title="DIP-VAE",
        paper=Paper("Kumar, Sattigeri and Balakrishnan",
                    "Variational Inference of Disentangled Latent Concepts from Unlabeled Observations",
                    2018, "https://arxiv.org/abs/1711.00848", "6 and 7"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"p(x) = \int p(x|z)\,N(z; 0, I)\,dz,\quad C = \mathrm{Cov}_{q(z)}[z] \;\text{or}\; \mathrm{Cov}_x[\mu(x)]",
        minimised=r"-E_{q(z|x)} \log p(x|z) + KL(q(z|x)\,\|\,p(z)) + \lambda_{od} \textstyle\sum_{i \ne j} C_{ij}^2"
                  r" + \lambda_d \sum_i (C_{ii} - 1)^2",
        unit="nats per example and a penalty",
        buys="Uncorrelated latents of variance 1 without a critic, while the rate keeps its price.",
        costs="It sees second moments only, and the examples of a batch are compared.",
        fails="Latents that depend on one another without being correlated; look at the total correlation and at traversals.",
        code=CodeKind(stochastic=True, disentangled=True), falls="vae/distortion", tiny={"latent": 4}, laws=("order of examples",),
        dial=Dial("lambda_od", (1.0, 3.0, 10.0, 30.0, 100.0)),
        claims=(
            Claim("reconstruction", "share_of_variance", "digits", 0.82,
                  {"steps": 1500, "encoder": "mlp-plain", "decoder": "mlp"}, seeds=3),
        ),
    )  # fmt: skip

    def players(self, net: VariationalNet) -> Sequence[Player]:
        return [Player("vae", (net,), partial(self.loss, net))]  # it compares the examples of a batch

    def added(self, net: Any, z: Float[Tensor, "b z"], q: Posterior, rate: Float[Tensor, ""], now: Moment) -> Tensor:
        mu, log_var = q
        # Deviates: the covariance is the unbiased one, n / (n - 1) times the paper's mean over the batch.
        c = covariance(mu) + (torch.diag(batch_mean(log_var.exp())) if self.kind == "II" else 0.0)
        on, beside = decorrelation(c)
        lambda_d = self.lambda_od * TIMES[self.kind] if self.lambda_d is None else self.lambda_d
        return super().added(net, z, q, rate, now) + self.lambda_od * beside + lambda_d * on
