r"""A VAE that pays more for every nat: with beta above 1 each latent has to earn its keep, and tends to stand for one factor.

**Model.** As the VAE.

**Objective.** $-E_q \log p(x|z) + \beta\, KL(q(z|x) \,\|\, p(z))$ (eq. 4). Beta weighs nats, summed over latents: it is not divided by
sizes of image or code.

**Notation.** `beta` = $\beta$; `distortion` and `rate` as in the VAE.

**When it fails.** A large beta drives latents to the prior one by one, small factors first; look at the KL of each latent. With a
linear decoder a latent is used only where its direction has more than $\beta v$ of variance, $v$ being that of the likelihood: neighbouring
pixels share directions of large variance, the columns of a table seldom do. Hence the default: 4 for images, 1 for all else.
Without inductive bias no objective of this form identifies factors (Locatello et al. 2019).

**Measured.** On small sprites (16 x 16, a fully connected net, 10 latents, 6,000 steps of 64, 5 seeds; docs/studies/disentangling.md)
beta 8 has an MIG of .22, the plain VAE .10, a paired difference of .12 (.06 to .18), for .59 of the variance beside .91; beta 4 is not
told apart (.02, -.11 to .14).

**Reference.** I. Higgins et al., beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework, 2017,
https://openreview.net/forum?id=Sy2fzU9gl
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self, final

from jaxtyping import Float
from torch import Tensor

from allegory.core import Array, Card, Claim, CodeKind, Dial, Moment, Optim, Paper, Recipe, Spec
from allegory.methods.latent._variational import Posterior, Variational

IMAGES, OTHERS = 4.0, 1.0  # with 4, of 10 latents 1 was used on wine's 13 columns, 2 on mixed ones, none on iris and diabetes


@final
@dataclass(frozen=True)
class BetaVAE(Variational):
    """beta-VAE (Higgins et al. 2017): minimises distortion + beta * rate, in nats per example.

    beta: the price of a nat; 1 is the VAE; None follows the data (4 for images, else 1).
    """

    beta: float | None = None

    recipe: ClassVar[Recipe] = Recipe(steps=2000, batch=128, optim=Optim(lr=1e-3, weight_decay=0.0))
    card: ClassVar[Card] = Card(
        family="latent",
        title="beta-VAE",
        paper=Paper("Higgins et al.", "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework", 2017,
                    "https://openreview.net/forum?id=Sy2fzU9gl", "4"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"p(x) = \int p(x|z)\,N(z; 0, I)\,dz",
        minimised=r"-E_{q(z|x)} \log p(x|z) + \beta\, KL(q(z|x)\,\|\,p(z))", unit="nats per example",
        buys="A short code whose axes tend to follow the factors of variation.",
        costs="Detail: what costs more than beta nats a nat of distortion is dropped.",
        fails="Small factors vanish first as beta grows; look at the KL of each latent and at the traversals.",
        code=CodeKind(stochastic=True, disentangled=True), tiny={"latent": 4},
        laws=("order of examples",),
        dial=Dial("beta", (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)),
        claims=(
            Claim("reconstruction", "share_of_variance", "sprites:size=16,scales=3,orientations=4,xs=8,ys=8", 0.889, {"steps": 600}, 3),
        ),
    )  # fmt: skip

    def resolved(self, spec: Spec, source: Any) -> Self:
        image = isinstance(spec, Array) and spec.is_image
        beta = self.beta if self.beta is not None else IMAGES if image else OTHERS
        return dataclasses.replace(super().resolved(spec, source), beta=beta)

    def added(self, net: Any, z: Float[Tensor, "b z"], q: Posterior, rate: Float[Tensor, ""], now: Moment) -> Tensor:
        return (OTHERS if self.beta is None else self.beta) * super().added(net, z, q, rate, now)
