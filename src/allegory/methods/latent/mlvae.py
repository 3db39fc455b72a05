r"""A VAE that learns what a group has in common: the content of a pair is the product of what each item says of it, so the surer one counts
more.

**Model.** As the VAE, with $z = (c, s)$: content $c$, the same for a pair, and style $s$.

**Objective.** Minus the mean ELBO of both items, where the posterior of the content is the normalised product of both Gaussians,
$\sigma^{-2} = \sigma_1^{-2} + \sigma_2^{-2}$ and $\mu = \sigma^2 (\mu_1 \sigma_1^{-2} + \mu_2 \sigma_2^{-2})$ (Bouchacourt et al. 2018).

**Notation.** `content` the number of shared latents; `beta` the price of a nat; `shared` the share of latents that a pair agreed on.

**When it fails.** As evidence adds up, the content's variance halves although the two items may be nearly the same: its nats are overpaid
for. Style that the decoder reads from the content; look at traversals of both halves.

**Reference.** D. Bouchacourt, R. Tomioka and S. Nowozin, Multi-Level Variational Autoencoder, 2018, https://arxiv.org/abs/1705.08841
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory.core import Batch, Card, Claim, CodeKind, Dial, Loss, Moment, Optim, Paper, Recipe
from allegory.methods.latent._paired import loss_of_pairs, of_content, product
from allegory.methods.latent._variational import Posterior, Variational, VariationalNet


@final
@dataclass(frozen=True)
class MLVAE(Variational):
    """Multi-level VAE (Bouchacourt et al. 2018): minimises the mean over a pair of distortion + beta * rate, in nats per example.

    content: how many latents a pair shares; None is half of them. beta: the price of a nat. differ: in how many factors two items of a pair
    differ, where the data have factors; None draws 1 to all but one of them for each pair. Without factors, a pair is of one group.
    """

    content: int | None = None
    beta: float = 1.0
    differ: int | None = 1

    recipe: ClassVar[Recipe] = Recipe(steps=2000, batch=64, optim=Optim(lr=1e-3, weight_decay=0.0))
    card: ClassVar[Card] = Card(
        family="latent",
        title="Multi-level VAE",
        paper=Paper("Bouchacourt, Tomioka and Nowozin", "Multi-Level Variational Autoencoder", 2018, "https://arxiv.org/abs/1705.08841",
                    "text"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network", supervision="pairs",
        modelled=r"p(x) = \int p(x|c, s)\,N(c; 0, I)\,N(s; 0, I)\,dc\,ds",
        minimised=r"\tfrac12 \textstyle\sum_i [-E \log p(x_i|c, s_i) + \beta\,KL(q(c|x_1, x_2)\,q(s_i|x_i)\,\|\,p)]",
        unit="nats per example",
        buys="A code in two parts, whose common one weighs each item by how sure it is.",
        costs="Pairs or groups must be known, and the number of shared latents said.",
        fails="Style leaks into the content when it has room to spare; look at traversals of both parts.",
        code=CodeKind(stochastic=True, disentangled=True, form="structured"), tiny={"latent": 4}, laws=("order of examples",),
        dial=Dial("beta", (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)),
        claims=(
            Claim("reconstruction", "share_of_variance", "sprites:size=16,scales=3,orientations=4,xs=8,ys=8", 0.86,
                  {"steps": 1000, "encoder": "mlp-plain", "decoder": "mlp"}, seeds=3),
        ),
    )  # fmt: skip

    @property
    def differing(self) -> int | None:
        return self.differ

    def added(self, net: Any, z: Float[Tensor, "b z"], q: Posterior, rate: Float[Tensor, ""], now: Moment) -> Tensor:
        return self.beta * super().added(net, z, q, rate, now)

    def loss(self, net: VariationalNet, batch: Batch, now: Moment) -> Loss:
        return loss_of_pairs(self, net, batch, now, lambda one, two: (of_content(one, self.content), product(one, two)))
