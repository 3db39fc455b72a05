r"""A VAE that is told how many nats its code may carry, and given more of them as it learns: large factors first, then small ones.

**Model.** As the VAE.

**Objective.** $-E_q \log p(x|z) + \gamma\,|KL(q(z|x) \,\|\, p(z)) - C|$ (eq. 8), $C$ rising in a straight line from 0 to `capacity` nats
over the first `ramp` of the steps. The KL is that of the whole batch, in nats summed over latents.

**Notation.** `gamma` = $\gamma$; `C` in nats an example, `capacity` its last value.

**When it fails.** A capacity above what the data need is filled with noise of the pixels; one too small drops small factors. `rate` must
follow `C` closely: where it lags, raise gamma or learn longer.

**Measured.** On small sprites (16 x 16, a fully connected net, 10 latents, 6,000 steps of 64, 5 seeds; docs/studies/disentangling.md)
with 10 nats the MIG is not told apart from the plain VAE's (-.03, -.10 to .05), and DCI is lower (-.07): seeds differ more than
methods at a fiftieth of the paper's steps, and no likelihood tells a turned square from an upright one.

**Reference.** C. Burgess et al., Understanding disentangling in beta-VAE, 2018, https://arxiv.org/abs/1804.03599
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory.core import Card, Claim, CodeKind, Dial, Moment, Optim, Paper, Recipe
from allegory.methods.latent._variational import Posterior, Variational


@final
@dataclass(frozen=True)
class AnnealedVAE(Variational):
    """Annealed-capacity VAE (Burgess et al. 2018): minimises distortion + gamma * |rate - C|, in nats per example.

    capacity: the nats that the code may carry at the end. gamma: the price of a nat more or less (paper: 1000, for 300,000 steps: Adam,
    which scales by the largest forces, leaves the distortion little of a short training). ramp: the share of the steps over which C rises
    (paper: 100,000 of 300,000 steps).
    """

    capacity: float = 25.0
    gamma: float = 20.0
    ramp: float = 0.5

    recipe: ClassVar[Recipe] = Recipe(steps=2000, batch=128, optim=Optim(lr=1e-3, weight_decay=0.0))
    card: ClassVar[Card] = Card(
        family="latent",
        title="Annealed-capacity VAE",
        paper=Paper("Burgess et al.", "Understanding disentangling in beta-VAE", 2018, "https://arxiv.org/abs/1804.03599", "8"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"p(x) = \int p(x|z)\,N(z; 0, I)\,dz",
        minimised=r"-E_{q(z|x)} \log p(x|z) + \gamma\,|KL(q(z|x)\,\|\,p(z)) - C|", unit="nats per example",
        buys="A code of the size one asks for, in nats, whose axes tend to follow factors by what they are worth.",
        costs="Two numbers to choose; the bound on the likelihood is met only where C is what the data want.",
        fails="A capacity too large carries noise, one too small drops small factors; look at the KL of each latent.",
        code=CodeKind(stochastic=True, disentangled=True), falls="vae/distortion", tiny={"latent": 4},
        laws=("order of examples",),
        dial=Dial("capacity", (1.0, 2.0, 5.0, 10.0, 15.0, 25.0, 40.0)),
        claims=(
            Claim("reconstruction", "share_of_variance", "digits", 0.825,
                  {"steps": 1500, "capacity": 15.0, "encoder": "mlp-plain", "decoder": "mlp"}, seeds=3),
        ),
    )  # fmt: skip

    def added(self, net: Any, z: Float[Tensor, "b z"], q: Posterior, rate: Float[Tensor, ""], now: Moment) -> Tensor:
        del net, z, q
        return self.gamma * (rate - self.C(now.progress)).abs()

    def C(self, progress: float) -> float:
        """The nats allowed at this share of the steps."""
        return self.capacity * min(1.0, progress / max(self.ramp, 1e-9))
