"""The template of the variational family: an encoder of a Gaussian posterior and a decoder. A method says what is added to the distortion,
or, where that is not the form of its objective, the whole of what is descended."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from allegory import nets
from allegory.core import Array, Batch, Code, Density, Dice, Loss, Moment, Player, RateDistortion, Recipe, Spec, Trained, batch_mean
from allegory.objectives import (
    Likelihood,
    LikelihoodName,
    following,
    gaussian_kl,
    importance_bound,
    likelihood_of,
    log_weights,
    reparameterise,
    widened,
)

FOLLOW = 0.9
LATENTS = 10
# Vectors are standardised and few: longer learning learns the training rows by heart (tables of 150 to 20,000 rows, few-label accuracy:
# best at 150 to 700 steps, lower at 2000 on every one). See also `latents_of`.
VECTOR_STEPS = 300
# Where entries are missing: rounds of filling in, and importance samples in each. Of 30 % hidden in a table (breast cancer, a fifth missing
# at learning too) .54 of the variance of test items comes back; .42 when only the last round is drawn from. To show the encoder what is
# missing as a second input changed nothing there (.51 beside .52 in the first round).
ROUNDS, DRAWS = 8, 4

Posterior = tuple[Float[Tensor, "b z"], Float[Tensor, "b z"]]


class VariationalNet(nn.Module):
    """q(z|x) = N(mu(x), diag sigma^2(x)), the decoder of p(x|z), and the variance of p(x|z) where the likelihood has one."""

    variance: Float[Tensor, ""]

    def __init__(self, spec: Spec, latent: int, encoder: str, decoder: str, p: Likelihood):
        super().__init__()
        self.p = p
        self.body = nets.encoder(encoder, spec)
        self.posterior = nn.Linear(self.body.out, 2 * latent)
        self.decoder = nets.decoder(decoder, widened(spec, p.numbers), latent)
        self.register_buffer("variance", torch.ones(()))

    def q(self, x: Float[Tensor, "b *d"]) -> Posterior:
        """mu and log sigma^2 of the posterior; a missing entry (NaN) is shown as 0."""
        mu, log_var = self.posterior(self.body(torch.nan_to_num(x))).chunk(2, dim=1)
        return mu, log_var.clamp(-20.0, 20.0)

    def log_likelihood(self, x: Float[Tensor, "b *d"], z: Float[Tensor, "b z"]) -> Float[Tensor, " b"]:
        """log p(x|z) in nats."""
        return self.p.log_prob(x, self.decoder(z), self.variance)

    def weighed(self, x: Float[Tensor, "b *d"], q: Posterior, k: int, dice: Dice) -> tuple[Float[Tensor, "k b"], Float[Tensor, "kb *e"]]:
        """log w of `k` draws of q an example, differentiable, and what the decoder gave for them, draw by draw."""
        mu, log_var = (part.repeat(k, 1) for part in q)
        eps = dice.normal("eps", k, mu.shape[1]).to(mu.dtype).transpose(0, 1)  # (k, b, z)
        z = reparameterise(mu, log_var, eps.reshape(mu.shape))
        repeated, out = x.repeat(k, *[1] * (x.ndim - 1)), self.decoder(z)
        log_p = self.p.log_prob(repeated, out, self.variance)
        return log_weights(log_p, z, mu, log_var).view(k, len(x)), out


@dataclass(frozen=True)
class Variational(Trained[Any]):
    """What all variational autoencoders share.

    latent: number of latents; None follows the data (10, and at most half the numbers of a vector). encoder, decoder: names of nets.
    likelihood: bernoulli | gaussian | sigma | logistic | categorical; None follows the data (bernoulli for two levels, else sigma).
    """

    latent: int | None = None
    encoder: str = "default-plain"
    decoder: str = "default"
    likelihood: LikelihoodName | None = None

    @property
    def reads_holes(self) -> bool:
        return True

    def added(self, net: Any, z: Float[Tensor, "b z"], q: Posterior, rate: Float[Tensor, ""], now: Moment) -> Tensor:
        """A hole: what is added to the mean distortion (scalar, nats). By default the `rate`, the posteriors' mean KL to the prior."""
        del net, z, q, now
        return rate

    def negative_bound(self, net: Any, x: Float[Tensor, "b *d"], q: Posterior, batch: Batch, now: Moment) -> Loss:
        """The other hole: all that is descended. By default the distortion at one draw of q, and what is `added`; nats per example."""
        del batch
        z = reparameterise(*q, now.dice.normal("eps", q[0].shape[1]).to(q[0].dtype))
        out = net.decoder(z)
        distortion, rate = batch_mean(-net.p.log_prob(x, out, net.variance)), batch_mean(gaussian_kl(*q).sum(1))
        terms = {"distortion": distortion, "rate": rate, "elbo": -(distortion + rate)}
        return Loss(distortion + self.added(net, z, q, rate, now), terms, squared_error(x, net.p.mean(out)) if net.p.follows else None)

    def resolved(self, spec: Spec, source: Any) -> Self:
        named = self.likelihood or following(spec)
        likelihood_of(named, spec)  # refuses names that do not suit the data
        return dataclasses.replace(super().resolved(spec, source), latent=self.latents(spec), likelihood=named)

    def latents(self, spec: Spec) -> int:
        """How many latents there are for observations of `spec`."""
        return latents_of(spec) if self.latent is None else self.latent

    def recipe_for(self, spec: Spec) -> Recipe:
        return dataclasses.replace(self.recipe, steps=VECTOR_STEPS) if is_vector(spec) else self.recipe

    def build(self, spec: Spec, n: int) -> VariationalNet:
        del n
        return VariationalNet(spec, self.latents(spec), self.encoder, self.decoder, self.p(spec))

    def p(self, spec: Spec) -> Likelihood:
        """p(x|z) for observations of `spec`."""
        return likelihood_of(self.likelihood or following(spec), spec)

    def players(self, net: VariationalNet) -> Sequence[Player]:
        return [Player("vae", (net,), partial(self.loss, net), additive=not nets.has_batch_statistics(net))]

    def loss(self, net: Any, batch: Batch, now: Moment) -> Loss:
        """`negative_bound` of the observations that are modelled, with the posteriors of what is shown."""
        x, q = self.seen(net, batch, now)
        return self.negative_bound(net, x, q, batch, now)

    def seen(self, net: Any, batch: Batch, now: Moment) -> tuple[Float[Tensor, "b *d"], Posterior]:
        """The observations that are modelled, and their posteriors."""
        x = net.p.drawn(batch.x, now.dice)
        return x, net.q(x if self.views is None else batch.views)

    def after_step(self, net: VariationalNet, now: Moment, memos: Mapping[str, Any]) -> None:
        """The variance of the likelihood follows the squared error: at once in the first step, then as a moving average."""
        if net.p.follows:
            follow(net.variance, memos["vae"], now.step)

    def encode(self, net: VariationalNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        return net.q(x)[0]

    def codes(self, net: VariationalNet, x: Float[Tensor, "b *d"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """mean, log_variance and kl (nats) of the posterior, each (b, z)."""
        mu, log_var = net.q(x)
        every = {"mean": mu, "log_variance": log_var, "kl": gaussian_kl(mu, log_var)}
        return {name: Code(every[name]) for name in names or tuple(every)}

    def decode(self, net: VariationalNet, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        return net.p.mean(net.decoder(z))

    def sample(self, net: VariationalNet, n: int, dice: Dice) -> Float[Tensor, "n *d"]:
        """The means of p(x|z) for draws of the prior: what a person wants to look at has no noise on it."""
        weight = net.posterior.weight
        return self.decode(net, dice.rows(n).normal("prior", len(weight) // 2).to(weight))

    def log_density(self, net: VariationalNet, x: Float[Tensor, "b *d"], dice: Dice, k: int = 1) -> Density:
        """The evidence lower bound at one draw an example; for k > 1 the importance estimate, itself a bound in expectation."""
        x = net.p.drawn(x, dice)
        q = net.q(x)
        if k == 1:
            return Density(self.bound(net, x, *q, dice), "lower bound", net.p.levels)
        return Density(importance_bound(net.weighed(x, q, k, dice)[0]), "estimate", net.p.levels, k)

    def rate_distortion(self, net: VariationalNet, x: Float[Tensor, "b *d"], dice: Dice) -> RateDistortion:
        """KL(q(z|x) || p(z)), and -log p(x|z) at one draw an example."""
        x = net.p.drawn(x, dice)
        return self._parts(net, x, *net.q(x), dice)

    def bound(
        self, net: VariationalNet, x: Float[Tensor, "b *d"], mu: Float[Tensor, "b z"], log_var: Float[Tensor, "b z"], dice: Dice
    ) -> Float[Tensor, " b"]:
        told = self._parts(net, x, mu, log_var, dice)
        return -(told.rate + told.distortion)

    def _parts(self, net: VariationalNet, x: Tensor, mu: Tensor, log_var: Tensor, dice: Dice) -> RateDistortion:
        z = reparameterise(mu, log_var, dice.normal("eps", mu.shape[1]).to(mu.dtype))
        return RateDistortion(gaussian_kl(mu, log_var).sum(1), -net.log_likelihood(x, z), net.p.name)

    def complete(self, net: VariationalNet, x: Float[Tensor, "b *d"], known: Bool[Tensor, "b *d"], dice: Dice) -> Float[Tensor, "b *d"]:
        """The mean of the unknown entries given the known ones, by self-normalised importance samples (Mattei and Frellsen 2019, eq. 12).

        The encoder proposes from what is known and what was guessed of the rest so far (as Rezende et al. 2014, F, do by single draws);
        draws of all rounds are pooled, so that a round that strays from what is known counts little. What is missing in x itself (NaN)
        is unknown, whatever `known` says.
        """
        known = known & ~x.isnan()
        filled = torch.where(known, x, 0.0)
        total, most = torch.zeros_like(filled), filled.new_full((len(x),), -torch.inf)
        weight = torch.zeros_like(most)
        for turn in range(ROUNDS):
            mu, log_var = net.q(filled)
            for draw in range(DRAWS):
                z = reparameterise(mu, log_var, dice.normal(f"eps {turn} {draw}", mu.shape[1]).to(mu.dtype))
                out = net.decoder(z)
                log_w = log_weights(net.p.log_prob(x, out, net.variance, known), z, mu, log_var)
                least = torch.maximum(most, log_w)
                kept, own = torch.exp(most - least), torch.exp(log_w - least)
                weight, most = weight * kept + own, least
                total = total * _over(kept, total) + net.p.mean(out) * _over(own, total)
            filled = torch.where(known, x, total / _over(weight, total))
        return filled


def _over(v: Float[Tensor, " b"], x: Float[Tensor, "b *d"]) -> Tensor:
    """One number an example, to multiply all of its numbers with."""
    return v.view(-1, *[1] * (x.ndim - 1))


def squared_error(x: Float[Tensor, "b *d"], mean: Float[Tensor, "b *d"]) -> Float[Tensor, "b 2"]:
    """Of each example: the sum of squared errors over the entries that are known, and how many these are."""
    squares = (x - mean).detach().square().flatten(1)
    return torch.stack([squares.nansum(1), (~squares.isnan()).sum(1).to(squares.dtype)], 1)


def follow(variance: Float[Tensor, ""], errors: Float[Tensor, "b 2"], step: int) -> None:
    """Moves the variance towards the mean squared error of a batch (`squared_error`); in the first step it is set to it."""
    squares, known = errors.to(variance.dtype).sum(0)
    variance.lerp_(squares / known.clamp_min(1.0), 1.0 - (FOLLOW if step else 0.0))


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
