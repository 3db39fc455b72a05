"""The template of the variational family: an encoder of a Gaussian posterior, a decoder, and one hole - what is added to the distortion."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory import nets
from allegory.core import Array, Batch, Code, Density, Dice, Loss, Moment, Player, Recipe, Spec, Trained, batch_mean
from allegory.objectives import Likelihood, gaussian_kl, log_likelihood, observed, reparameterise

FOLLOW = 0.9
LATENTS = 10
# Vectors are standardised and few: longer learning learns the training rows by heart (tables of 150 to 20,000 rows, few-label accuracy:
# best at 150 to 700 steps, lower at 2000 on every one). See also `latents_of`.
VECTOR_STEPS = 300


class VariationalNet(nn.Module):
    """q(z|x) = N(mu(x), diag sigma^2(x)), the decoder of p(x|z), and the variance of p(x|z) where the likelihood has one."""

    variance: Float[Tensor, ""]

    def __init__(self, spec: Spec, latent: int, encoder: str, decoder: str):
        super().__init__()
        self.body = nets.encoder(encoder, spec)
        self.posterior = nn.Linear(self.body.out, 2 * latent)
        self.decoder = nets.decoder(decoder, spec, latent)
        self.register_buffer("variance", torch.ones(()))

    def q(self, x: Float[Tensor, "b *d"]) -> tuple[Float[Tensor, "b z"], Float[Tensor, "b z"]]:
        """mu and log sigma^2 of the posterior."""
        mu, log_var = self.posterior(self.body(x)).chunk(2, dim=1)
        return mu, log_var.clamp(-20.0, 20.0)


@dataclass(frozen=True)
class Variational(Trained[Any]):
    """What all variational autoencoders share.

    latent: number of latents; None follows the data (10, and at most half the numbers of a vector). encoder, decoder: names of nets.
    likelihood: bernoulli | gaussian | sigma; None follows the data (bernoulli for two levels, else sigma).
    """

    latent: int | None = None
    encoder: str = "default-plain"
    decoder: str = "default"
    likelihood: Likelihood | None = None

    @abc.abstractmethod
    def added(self, net: Any, z: Float[Tensor, "b z"], kl: Float[Tensor, "b z"], now: Moment) -> Tensor:
        """The hole: what is added to the mean distortion (scalar, nats). `kl` holds the nats spent by each latent."""

    def resolved(self, spec: Spec, source: Any) -> Self:
        binary = isinstance(spec, Array) and spec.levels == 2
        likelihood = self.likelihood or ("bernoulli" if binary else "sigma")
        return dataclasses.replace(super().resolved(spec, source), latent=self.latents(spec), likelihood=likelihood)

    def latents(self, spec: Spec) -> int:
        """How many latents there are for observations of `spec`."""
        return latents_of(spec) if self.latent is None else self.latent

    def recipe_for(self, spec: Spec) -> Recipe:
        return dataclasses.replace(self.recipe, steps=VECTOR_STEPS) if is_vector(spec) else self.recipe

    def build(self, spec: Spec, n: int) -> VariationalNet:
        del n
        return VariationalNet(spec, self.latents(spec), self.encoder, self.decoder)

    def players(self, net: VariationalNet) -> Sequence[Player]:
        return [Player("vae", (net,), partial(self.negative_elbo, net), additive=not nets.has_batch_statistics(net))]

    def negative_elbo(self, net: VariationalNet, batch: Batch, now: Moment) -> Loss:
        """Distortion plus what the method adds, and both terms in nats per example."""
        x = batch.x
        mu, log_var = net.q(batch.views)
        z = reparameterise(mu, log_var, now.dice.normal("eps", mu.shape[1]).to(mu.dtype))
        out = net.decoder(z)
        distortion = batch_mean(-log_likelihood(self._kind, x, out, net.variance))
        kl = gaussian_kl(mu, log_var)
        rate = batch_mean(kl.sum(1))
        terms = {"distortion": distortion, "rate": rate, "elbo": -(distortion + rate)}
        return Loss(distortion + self.added(net, z, kl, now), terms, memo=(x - out).detach().square().flatten(1).mean(1))

    def after_step(self, net: VariationalNet, now: Moment, memos: Mapping[str, Any]) -> None:
        """The variance of the likelihood follows the squared error: at once in the first step, then as a moving average."""
        if self.likelihood == "sigma":
            error = memos["vae"].mean().to(net.variance.dtype)
            net.variance.lerp_(error, 1.0 - (FOLLOW if now.step else 0.0))

    @property
    def _kind(self) -> Likelihood:
        return self.likelihood or "gaussian"

    def encode(self, net: VariationalNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        return net.q(x)[0]

    def codes(self, net: VariationalNet, x: Float[Tensor, "b *d"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """mean, log_variance and kl (nats) of the posterior, each (b, z)."""
        mu, log_var = net.q(x)
        every = {"mean": mu, "log_variance": log_var, "kl": gaussian_kl(mu, log_var)}
        return {name: Code(every[name]) for name in names or tuple(every)}

    def decode(self, net: VariationalNet, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        return observed(self._kind, net.decoder(z))

    def sample(self, net: VariationalNet, n: int, dice: Dice) -> Float[Tensor, "n *d"]:
        weight = net.posterior.weight
        return self.decode(net, dice.rows(n).normal("prior", len(weight) // 2).to(weight))

    def log_density(self, net: VariationalNet, x: Float[Tensor, "b *d"], dice: Dice) -> Density:
        """The evidence lower bound with one draw an example."""
        mu, log_var = net.q(x)
        z = reparameterise(mu, log_var, dice.normal("eps", mu.shape[1]).to(mu.dtype))
        bound = log_likelihood(self._kind, x, net.decoder(z), net.variance) - gaussian_kl(mu, log_var).sum(1)
        return Density(torch.as_tensor(bound), "lower bound", discrete=self._kind == "bernoulli")


def is_vector(spec: Spec) -> bool:
    """True for rows of numbers, such as those of a table."""
    return isinstance(spec, Array) and not spec.is_image


def latents_of(spec: Spec) -> int:
    """10 latents, and at most half as many as a vector has numbers.

    Why half: with a linear decoder of d numbers and one variance v for all, k latents leave v (d - beta k) = the variance of the
    directions that no latent has (probabilistic PCA, Tipping and Bishop 1999, for beta = 1). As k nears d, v falls to nothing, every
    digit is worth its nats, and the net learns the rows by heart.
    """
    return max(1, min(LATENTS, spec.size // 2)) if isinstance(spec, Array) and is_vector(spec) else LATENTS
