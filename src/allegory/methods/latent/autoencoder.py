r"""A code from which the observation can be said again: the narrow middle of a network that maps x to x.

**Model.** $z = f(x)$, $\hat x = g(z)$.

**Objective.** $\tfrac12 |x - \hat x|^2$, summed over dimensions, mean over examples (Hinton and Salakhutdinov 2006, with the squared
error of a unit Gaussian, so that it is in nats up to a constant).

**Notation.** `f` = `body` then `to_code`, `g` = `decoder`.

**When it fails.** A wide code copies; nothing asks neighbours in code space to be alike: look at interpolations.

**Reference.** G. E. Hinton and R. R. Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks, Science 2006,
https://doi.org/10.1126/science.1127647
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory import nets
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, Trained, batch_mean


@final
@dataclass(frozen=True)
class Autoencoder(Trained[nets.Hourglass]):
    """Autoencoder (Hinton and Salakhutdinov 2006): minimises half the squared reconstruction error.

    latent: size of the code. encoder, decoder: names of nets.
    """

    latent: int = 32
    encoder: str = "default-plain"
    decoder: str = "default"

    recipe: ClassVar[Recipe] = Recipe(steps=2000, batch=128, optim=Optim(lr=1e-3))
    card: ClassVar[Card] = Card(
        family="latent",
        title="Autoencoder",
        paper=Paper("Hinton and Salakhutdinov", "Reducing the Dimensionality of Data with Neural Networks", 2006,
                    "https://doi.org/10.1126/science.1127647", "text; squared error for the cross-entropy"),
        density="not modelled", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"\hat x = g(f(x))", minimised=r"\tfrac{1}{2}\,|x - g(f(x))|^2", unit="nats per example, up to a constant",
        buys="A non-linear code with reconstructions to look at.",
        costs="No density, and nothing that orders the code space.",
        fails="A code as wide as the data copies it; look at interpolations, and narrow the code.",
        tiny={"latent": 4}, laws=("order of examples",), code=CodeKind(),
        claims=(Claim("reconstruction", "share_of_variance", "digits", 0.859, {"steps": 1000, "latent": 10}, seeds=3),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> nets.Hourglass:
        del n
        return nets.Hourglass(spec, spec, self.latent, self.encoder, self.decoder)

    def players(self, net: nets.Hourglass) -> Sequence[Player]:
        return [Player("autoencoder", (net,), partial(self._loss, net), additive=not nets.has_batch_statistics(net))]

    def _loss(self, net: nets.Hourglass, batch: Batch, now: Moment) -> Loss:
        del now
        error = batch_mean(0.5 * (batch.x - net.decoder(net.f(batch.views))).square().flatten(1).sum(1))
        return Loss(error, {"error": error})

    def encode(self, net: nets.Hourglass, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        return net.f(x)

    def decode(self, net: nets.Hourglass, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        x: Tensor = net.decoder(z)
        return x
