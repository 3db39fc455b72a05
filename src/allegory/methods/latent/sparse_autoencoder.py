r"""A wide code in which each example lights only a few units: none of them is a summary, each is a feature that is there or not.

**Model.** $z = \mathrm{sigmoid}(f(x))$, $\hat x = g(z)$.

**Objective.** $\tfrac12 |x - \hat x|^2 + \beta \sum_j KL(\rho \,\|\, \hat\rho_j)$, with $\hat\rho_j$ the mean activity of unit j over the
batch and $KL(\rho \| \hat\rho) = \rho \log\frac{\rho}{\hat\rho} + (1 - \rho) \log\frac{1-\rho}{1-\hat\rho}$ (Ng 2011, section 3).

**Notation.** `rho` = $\rho$, the activity that is asked for; `beta` = $\beta$; `activity` the mean of $\hat\rho_j$.

**When it fails.** Units that are on for nearly all examples a little, at the asked mean: look at the sparsity of the codes, not at
`activity`. A beta too large, and the code copies the mean; look at the reconstructions.

**Reference.** A. Ng, Sparse autoencoder, CS294A lecture notes, 2011, https://web.stanford.edu/class/cs294a/sparseAutoencoder_2011new.pdf
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from allegory import nets
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, Trained, batch_mean
from allegory.objectives import coin_kl


@final
@dataclass(frozen=True)
class SparseAutoencoder(Trained[nets.Hourglass]):
    """Sparse autoencoder (Ng 2011): minimises half the squared error + beta * sum of KL(rho || mean activity of a unit).

    latent: number of units. rho: the activity that is asked for. beta: the price of a nat of deviation from it. encoder, decoder: names of
    nets.
    """

    latent: int = 128
    rho: float = 0.05
    beta: float = 0.5
    encoder: str = "default-plain"
    decoder: str = "default"

    recipe: ClassVar[Recipe] = Recipe(steps=2000, batch=128, optim=Optim(lr=1e-3))
    card: ClassVar[Card] = Card(
        family="latent",
        title="Sparse autoencoder",
        paper=Paper("Ng", "Sparse autoencoder", 2011,
                    "https://web.stanford.edu/class/cs294a/sparseAutoencoder_2011new.pdf", "section 3"),
        density="not modelled", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"\hat x = g(\mathrm{sigmoid}(f(x)))",
        minimised=r"\tfrac{1}{2}\,|x - \hat x|^2 + \beta \textstyle\sum_j KL(\rho\,\|\,\hat\rho_j)",
        unit="nats per example, up to a constant",
        buys="A code that may be larger than the data without copying it; single units can be looked at.",
        costs="Two more numbers to choose; the batch must be large enough to know a unit's mean activity.",
        fails="Units that are always a little on; look at the sparsity of the codes.",
        code=CodeKind(size="either"), falls="autoencoder/error", tiny={"latent": 12}, laws=("order of examples",),
        claims=(
            Claim("reconstruction", "share_of_variance", "digits", 0.81,
                  {"steps": 1500, "latent": 10, "encoder": "mlp-plain", "decoder": "mlp"}, seeds=3),
        ),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> nets.Hourglass:
        del n
        return nets.Hourglass(spec, spec, self.latent, self.encoder, self.decoder)

    def players(self, net: nets.Hourglass) -> Sequence[Player]:
        return [Player("autoencoder", (net,), partial(self._loss, net))]  # the mean activity is that of the batch

    def _loss(self, net: nets.Hourglass, batch: Batch, now: Moment) -> Loss:
        del now
        z = self.encode(net, batch.views)
        error = batch_mean(0.5 * (batch.x - net.decoder(z)).square().flatten(1).sum(1))
        activity = batch_mean(z)
        return Loss(error + self.beta * coin_kl(self.rho, activity).sum(), {"error": error, "activity": activity.mean()})

    def encode(self, net: nets.Hourglass, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        return torch.sigmoid(net.f(x))

    def decode(self, net: nets.Hourglass, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        x: Tensor = net.decoder(z)
        return x
