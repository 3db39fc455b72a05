r"""A code that is a distribution: say the observation again from a draw, and pay for every nat by which the draw tells more than the prior.

**Model.** $p(z) = N(0, I)$, $p(x|z)$ by the decoder, $q(z|x) = N(\mu(x), \mathrm{diag}\,\sigma^2(x))$ by the encoder.

**Objective.** $-E_q \log p(x|z) + KL(q(z|x) \,\|\, p(z))$, the negative evidence lower bound (eq. 3 and 10).

**Notation.** `mu`, `log_var` = $\log \sigma^2$; `distortion` = $-E_q \log p(x|z)$; `rate` = the KL; both in nats per example.

**When it fails.** Posterior collapse: the decoder explains all and the rate goes to 0; look at `rate` and at the KL of each latent.

**Reference.** D. P. Kingma and M. Welling, Auto-Encoding Variational Bayes, 2014, https://arxiv.org/abs/1312.6114
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory.core import Card, Claim, CodeKind, Optim, Paper, Recipe
from allegory.methods.latent._variational import Variational


@final
@dataclass(frozen=True)
class VAE(Variational):
    """Variational autoencoder (Kingma and Welling 2014): minimises distortion + rate = -ELBO, in nats per example."""

    recipe: ClassVar[Recipe] = Recipe(steps=2000, batch=128, optim=Optim(lr=1e-3, weight_decay=0.0))
    card: ClassVar[Card] = Card(
        family="latent",
        title="Variational autoencoder",
        paper=Paper("Kingma and Welling", "Auto-Encoding Variational Bayes", 2014, "https://arxiv.org/abs/1312.6114", "3 and 10"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"p(x) = \int p(x|z)\,N(z; 0, I)\,dz",
        minimised=r"-E_{q(z|x)} \log p(x|z) + KL(q(z|x)\,\|\,p(z))", unit="nats per example",
        buys="A density, samples and a smooth code from one bound.",
        costs="A bound, not the likelihood; sharp pictures cost many nats; the axes of the code mean nothing by themselves.",
        fails="Posterior collapse: the rate falls to 0; look at the KL of each latent and lower beta or the decoder's power.",
        code=CodeKind(stochastic=True), tiny={"latent": 4}, laws=("order of examples",),
        claims=(Claim("reconstruction", "share_of_variance", "digits", 0.869, {"steps": 1000}, seeds=3),),
    )  # fmt: skip
