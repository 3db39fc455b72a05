r"""A beta-VAE that pays more for one part of the rate only: the total correlation, by which its latents depend on one another.

**Model.** As the VAE; $q(z) = \frac1N \sum_n q(z|x_n)$ is the aggregate posterior.

**Objective.** $-E_q \log p(x|z) + I_q(z; n) + \beta\,TC + \sum_j KL(q(z_j)\|p(z_j))$ (eq. 4 with $\alpha = \gamma = 1$), where $TC =
KL(q(z) \,\|\, \prod_j q(z_j))$. The three terms sum to the rate (eq. 2), so it is the rate and $(\beta - 1)\,TC$ that are added, TC
estimated from the batch: minibatch-weighted or stratified (their appendix C).

**Notation.** `beta` = $\beta$; `tc` in nats; `estimator` of $\log q(z)$.

**When it fails.** With the weighted estimator the TC is too small by up to $\log$ of the batch's share of the data, for all alike; with
either, a batch smaller than the nats of the code sees little of q(z): raise the batch. Small factors vanish as with beta-VAE.

**Measured.** On small sprites (16 x 16, a fully connected net, 10 latents, 6,000 steps of 64, 5 seeds; docs/studies/disentangling.md)
the MIG is not told apart from the plain VAE's (beta 4 .06, -.06 to .18; beta 8 -.04, -.12 to .04): seeds differ more than methods at 6,000
steps, and no likelihood tells a turned square from an upright one.

**Reference.** R. T. Q. Chen, X. Li, R. Grosse and D. Duvenaud, Isolating Sources of Disentanglement in Variational Autoencoders, 2018,
https://arxiv.org/abs/1802.04942
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, final

from jaxtyping import Float
from torch import Tensor

from allegory.core import Card, Claim, CodeKind, Dial, Moment, Optim, Paper, Player, Recipe, Spec
from allegory.methods.latent._variational import Posterior, Variational, VariationalNet
from allegory.objectives import total_correlation


class CountedNet(VariationalNet):
    """A variational autoencoder that knows how many examples there are to learn from."""

    n: int


@final
@dataclass(frozen=True)
class BetaTCVAE(Variational):
    """beta-TCVAE (Chen et al. 2018): minimises distortion + rate + (beta - 1) * total correlation, in nats per example.

    beta: the price of a nat of total correlation. estimator: weighted | stratified.
    """

    beta: float = 6.0
    estimator: Literal["weighted", "stratified"] = "weighted"

    recipe: ClassVar[Recipe] = Recipe(steps=2000, batch=128, optim=Optim(lr=1e-3, weight_decay=0.0))
    card: ClassVar[Card] = Card(
        family="latent",
        title="beta-TCVAE",
        paper=Paper("Chen et al.", "Isolating Sources of Disentanglement in Variational Autoencoders", 2018,
                    "https://arxiv.org/abs/1802.04942", "2 and 4"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"p(x) = \int p(x|z)\,N(z; 0, I)\,dz,\quad TC = KL(q(z)\,\|\,\textstyle\prod_j q(z_j))",
        minimised=r"-E_{q(z|x)} \log p(x|z) + KL(q(z|x)\,\|\,p(z)) + (\beta - 1)\,TC", unit="nats per example",
        buys="Independent latents without a critic, and no extra price on what the code says of x.",
        costs="Every example is compared with every other of its batch; the estimate of q(z) is poor for small batches.",
        fails="Too small a batch, and the total correlation is misjudged; look at `tc` for two sizes of batch.",
        code=CodeKind(stochastic=True, disentangled=True), falls="vae/distortion", tiny={"latent": 4}, laws=("order of examples",),
        dial=Dial("beta", (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)),
        claims=(
            Claim("reconstruction", "share_of_variance", "digits", 0.855,
                  {"steps": 1500, "beta": 2.0, "encoder": "mlp-plain", "decoder": "mlp"}, seeds=3),
        ),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> CountedNet:
        net = CountedNet(spec, self.latents(spec), self.encoder, self.decoder, self.p(spec))
        net.n = n
        return net

    def players(self, net: VariationalNet) -> Sequence[Player]:
        return [Player("vae", (net,), partial(self.loss, net))]  # it compares the examples of a batch

    def added(self, net: Any, z: Float[Tensor, "b z"], q: Posterior, rate: Float[Tensor, ""], now: Moment) -> Tensor:
        tc = total_correlation(z, *q, n=net.n, stratified=self.estimator == "stratified")
        return super().added(net, z, q, rate, now) + (self.beta - 1.0) * tc
