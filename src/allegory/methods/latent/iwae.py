r"""A VAE that looks at an example k times before it judges its encoder: many draws, weighed by how well each explains what is seen.

**Model.** As the VAE.

**Objective.** $-L_k = -E_{z_1 \dots z_k \sim q(z|x)} \log \frac{1}{k} \sum_{i=1}^k w_i$ with
$w_i = p(x|z_i)\,p(z_i) / q(z_i|x)$ (eq. 8). $k = 1$ is the VAE, its KL estimated; $L_k$ rises to $\log p(x)$ as k grows (theorem 1).

**Notation.** `k`, `log_w` = $\log w$ (k, b).

**When it fails.** The bound is tight whatever the encoder does once k is large, so the encoder's own signal fades (Rainforth et al. 2018):
the posterior means become worse codes as k grows; look at the few-label accuracy beside a VAE's. Costs k decodings a step.

**Reference.** Y. Burda, R. Grosse and R. Salakhutdinov, Importance Weighted Autoencoders, 2016, https://arxiv.org/abs/1509.00519
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Recipe, batch_mean
from allegory.methods.latent._variational import Posterior, Variational, VariationalNet, squared_error
from allegory.objectives import gaussian_kl, importance_bound


@final
@dataclass(frozen=True)
class IWAE(Variational):
    """Importance weighted autoencoder (Burda et al. 2016): minimises -E log (1/k) sum of w, in nats per example.

    k: importance samples an example.
    """

    k: int = 5

    recipe: ClassVar[Recipe] = Recipe(steps=2000, batch=128, optim=Optim(lr=1e-3, weight_decay=0.0))
    card: ClassVar[Card] = Card(
        family="latent",
        title="Importance weighted autoencoder",
        paper=Paper("Burda, Grosse and Salakhutdinov", "Importance Weighted Autoencoders", 2016, "https://arxiv.org/abs/1509.00519", "8"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"p(x) = \int p(x|z)\,N(z; 0, I)\,dz",
        minimised=r"-E_{z_i \sim q(z|x)} \log \tfrac{1}{k} \textstyle\sum_i p(x|z_i)\,p(z_i) / q(z_i|x)", unit="nats per example",
        buys="A tighter bound, and posteriors that need not be Gaussian in effect.",
        costs="k decodings a step; the encoder is told less as k grows.",
        fails="With large k the posterior means become worse codes; compare few-label accuracy with a VAE's.",
        code=CodeKind(stochastic=True), falls="vae/minus_bound", tiny={"latent": 4, "k": 3}, laws=("order of examples",),
        claims=(
            Claim("reconstruction", "share_of_variance", "digits", 0.845,
                  {"steps": 1500, "encoder": "mlp-plain", "decoder": "mlp"}, seeds=3),
        ),
    )  # fmt: skip

    def negative_bound(self, net: VariationalNet, x: Float[Tensor, "b *d"], q: Posterior, batch: Batch, now: Moment) -> Loss:
        del batch
        log_w, out = net.weighed(x, q, self.k, now.dice)
        bound = batch_mean(importance_bound(log_w))
        # What a VAE would report of the same draws.
        elbo, rate = batch_mean(log_w.mean(0)), batch_mean(gaussian_kl(*q).sum(1))
        return Loss(-bound, {"minus_bound": -bound, "elbo": elbo, "rate": rate}, self._errors(net, x, out, log_w))

    def _errors(self, net: VariationalNet, x: Tensor, out: Tensor, log_w: Float[Tensor, "k b"]) -> Float[Tensor, "b 2"] | None:
        """Squared errors for the best variance, each draw counted by its share of the weights."""
        if not net.p.follows:
            return None
        each = squared_error(x.repeat(self.k, *[1] * (x.ndim - 1)), net.p.mean(out)).view(self.k, len(x), 2)
        return (torch.softmax(log_w.detach(), 0)[..., None] * each).sum(0)
