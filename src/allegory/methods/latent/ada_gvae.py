r"""A VAE that finds out by itself which latents two items share: those on which their posteriors differ least.

**Model.** As the VAE; a pair $x_1, x_2$ shares all but a few of its factors, nobody says which.

**Objective.** Minus the mean ELBO of both items, where shared latents have the average posterior of GVAE (Locatello et al. 2020, section
4). Latent i is shared where $\delta_i = KL(q(z_i|x_1) \,\|\, q(z_i|x_2))$ is below the middle of the largest and the smallest, $\tau =
\tfrac12 (\max_i \delta_i + \min_i \delta_i)$ (section 4).

**Notation.** `delta` = $\delta$; `beta` the price of a nat; `shared` the share of latents that a pair agreed on.

**When it fails.** Pairs that differ in nearly all factors share too little; with pairs that never differ in a factor it cannot be found.
Latents that carry nothing are shared at once, so `shared` near 1 while learning says that the code is hardly used.

**Reference.** F. Locatello et al., Weakly-Supervised Disentanglement Without Compromises, 2020, https://arxiv.org/abs/2002.02886
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory.core import Batch, Card, Claim, CodeKind, Dial, Loss, Moment, Optim, Paper, Recipe
from allegory.methods.latent._paired import Shared, averaged, loss_of_pairs
from allegory.methods.latent._variational import Posterior, Variational, VariationalNet
from allegory.objectives import gaussian_kl_to


@final
@dataclass(frozen=True)
class AdaGVAE(Variational):
    """Adaptive group VAE (Locatello et al. 2020): minimises the mean over a pair of distortion + beta * rate, in nats per example.

    beta: the price of a nat. differ: in how many factors two items of a pair
    differ, where the data have factors; None draws 1 to all but one of them for each pair. Without factors, a pair is of one group.
    """

    beta: float = 1.0
    differ: int | None = 1

    recipe: ClassVar[Recipe] = Recipe(steps=2000, batch=64, optim=Optim(lr=1e-3, weight_decay=0.0), note="paper: 300,000 steps, 1e-4")
    card: ClassVar[Card] = Card(
        family="latent",
        title="Adaptive group VAE",
        paper=Paper("Locatello et al.", "Weakly-Supervised Disentanglement Without Compromises", 2020, "https://arxiv.org/abs/2002.02886",
                    "section 4"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network", supervision="pairs",
        modelled=r"p(x) = \int p(x|z)\,N(z; 0, I)\,dz,\quad z_{1,i} = z_{2,i} \text{ for shared } i",
        minimised=r"\tfrac12 \textstyle\sum_k [-E \log p(x_k|z_k) + \beta\,KL(\hat q(z_k|x_1, x_2)\,\|\,p(z))]", unit="nats per example",
        buys="Factors on axes, from pairs alone: no labels, and no word on which or how many factors a pair shares.",
        costs="Pairs that differ in few factors must be at hand.",
        fails="Pairs that differ in most factors; look at `shared`, and at the traversals.",
        code=CodeKind(stochastic=True, disentangled=True), tiny={"latent": 4}, laws=("order of examples",),
        dial=Dial("beta", (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)),
        claims=(
            Claim("reconstruction", "share_of_variance", "sprites:size=16,scales=3,orientations=4,xs=8,ys=8", 0.855,
                  {"steps": 1000, "encoder": "mlp-plain", "decoder": "mlp"}, seeds=3),
        ),
    )  # fmt: skip

    @property
    def differing(self) -> int | None:
        return self.differ

    def added(self, net: Any, z: Float[Tensor, "b z"], q: Posterior, rate: Float[Tensor, ""], now: Moment) -> Tensor:
        return self.beta * super().added(net, z, q, rate, now)

    def loss(self, net: VariationalNet, batch: Batch, now: Moment) -> Loss:
        return loss_of_pairs(self, net, batch, now, lambda one, two: (self.shared(one, two), averaged(one, two)))

    def shared(self, first: Posterior, second: Posterior) -> Shared:
        """Where delta is below the middle of its range."""
        delta = gaussian_kl_to(*first, *second).detach()
        low, high = delta.amin(1, keepdim=True), delta.amax(1, keepdim=True)
        return delta < (low + high) / 2
