"""The template of methods that draw: latents of T steps, one after the other, are added up on a canvas (Gregor et al. 2015, section 2).

A method says how the canvas is looked at, what the next latents are expected to be, and how they are drawn.
"""

import abc
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from allegory import nets
from allegory.core import Array, Batch, Code, Density, Dice, Loss, Moment, Player, RateDistortion, Spec, Trained, batch_mean
from allegory.methods.latent._variational import FOLLOW, Posterior, follow, squared_error
from allegory.objectives import (
    Likelihood,
    LikelihoodName,
    following,
    gaussian_kl_to,
    gaussian_log_prob,
    importance_bound,
    likelihood_of,
    reparameterise,
    widened,
)

State = tuple[Tensor, Tensor]  # h and c of an LSTM
LIMIT = 20.0  # of log sigma^2


@dataclass(frozen=True, eq=False)
class Sketch:
    """How far a drawing is: the canvas (what the decoder says so far, unsquashed), and the states of encoder and decoder."""

    canvas: Float[Tensor, "b *k"]
    encoder: State
    decoder: State


class Trace(NamedTuple):
    """Of all steps: the latents, their posteriors N(mu, sigma^2) and priors; and the last canvas."""

    z: Float[Tensor, "b t z"]
    mu: Float[Tensor, "b t z"]
    log_var: Float[Tensor, "b t z"]
    prior_mu: Float[Tensor, "b t z"]
    prior_log_var: Float[Tensor, "b t z"]
    canvas: Float[Tensor, "b *k"]

    def kl(self) -> Float[Tensor, "b t z"]:
        """KL(q_t || p_t) of every latent, in nats."""
        return gaussian_kl_to(self.mu, self.log_var, self.prior_mu, self.prior_log_var)


class DrawingNet(nn.Module, abc.ABC):
    """What a method draws with. `usual` (t, z) is a moving average of the nats that each latent takes, known to sender and receiver."""

    variance: Float[Tensor, ""]
    usual: Float[Tensor, "t z"]

    def __init__(self, spec: Array, times: int, latent: int, p: Likelihood):
        super().__init__()
        self.p, self.times, self.latent = p, times, latent
        told = widened(spec, p.numbers)
        assert isinstance(told, Array)
        self.blank = nn.Parameter(torch.zeros(told.shape))
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("usual", torch.zeros(times, latent))

    @abc.abstractmethod
    def begin(self, n: int) -> Sketch:
        """`n` drawings before the first step."""

    @abc.abstractmethod
    def prior(self, sketch: Sketch) -> Posterior:
        """p(z_t | z_1 .. z_t-1): mean and log variance, each (b, z)."""

    @abc.abstractmethod
    def look(self, x: Float[Tensor, "b *d"], error: Float[Tensor, "b *d"], sketch: Sketch) -> tuple[Posterior, State]:
        """q(z_t | x, z_1 .. z_t-1) and the next state of the encoder, from x and what the canvas lacks of it (missing entries are 0)."""

    @abc.abstractmethod
    def draw(self, sketch: Sketch, z: Float[Tensor, "b z"]) -> Sketch:
        """The drawing after the latents of one step."""

    def seen(self, x: Float[Tensor, "b *d"], sketch: Sketch) -> tuple[Posterior, Sketch]:
        """The posterior of the next latents, and the sketch with the encoder moved on."""
        (mu, log_var), encoder = self.look(torch.nan_to_num(x), torch.nan_to_num(x - self.p.mean(sketch.canvas)), sketch)
        return (mu, log_var.clamp(-LIMIT, LIMIT)), dataclasses.replace(sketch, encoder=encoder)

    def expected(self, sketch: Sketch) -> Posterior:
        """The prior of the next latents."""
        mu, log_var = self.prior(sketch)
        return mu, log_var.clamp(-LIMIT, LIMIT)

    def trace(self, x: Float[Tensor, "b *d"], eps: Float[Tensor, "b t z"] | None = None) -> Trace:
        """`x` drawn with latents mu + sigma eps of its posteriors; without `eps` with their means."""
        sketch, steps = self.begin(len(x)), []
        for t in range(self.times):
            expected = self.expected(sketch)
            q, sketch = self.seen(x, sketch)
            z = q[0] if eps is None else reparameterise(*q, eps[:, t])
            sketch = self.draw(sketch, z)
            steps.append((z, *q, *expected))
        return Trace._make([*(torch.stack(parts, 1) for parts in zip(*steps, strict=True)), sketch.canvas])

    def drawn(self, n: int, pick: Callable[[int, Posterior], Float[Tensor, "b z"]]) -> Float[Tensor, "b *k"]:
        """The canvas of `n` drawings, where `pick` says the latents of step t from their prior."""
        sketch = self.begin(n)
        for t in range(self.times):
            sketch = self.draw(sketch, pick(t, self.expected(sketch)))
        return sketch.canvas

    def within(
        self, x: Float[Tensor, "b *d"], eps: Float[Tensor, "b t z"], budget: float
    ) -> tuple[Float[Tensor, "b *k"], Float[Tensor, " b"]]:
        """The canvas when at most `budget` nats an example are sent, and the nats that were.

        Latents are sent step by step, within a step by their usual nats, the largest first: that order is the receiver's too. The first
        latent that no longer fits is the last that is looked at. What was not sent is the mean of its prior.
        """
        sketch, spent, open_ = self.begin(len(x)), x.new_zeros(len(x)), x.new_ones(len(x), 1, dtype=torch.bool)
        for t in range(self.times):
            p = self.expected(sketch)
            q, sketch = self.seen(x, sketch)
            order = torch.argsort(self.usual[t], descending=True, stable=True)
            kl = gaussian_kl_to(*q, *p)[:, order]
            fits: Bool[Tensor, "b z"] = open_ & (spent[:, None] + kl.cumsum(1) <= budget)
            spent, open_ = spent + (kl * fits).sum(1), fits.all(1, keepdim=True)
            sent = fits[:, torch.argsort(order)]
            sketch = self.draw(sketch, torch.where(sent, reparameterise(*q, eps[:, t]), p[0]))
        return sketch.canvas, spent


@dataclass(frozen=True)
class Drawing(Trained[Any]):
    """What all methods that draw share.

    times: steps of a drawing (T). beta: the price of a nat of the rate; 1 is the bound. likelihood: bernoulli | gaussian | sigma |
    logistic | categorical; None follows the data (bernoulli for two levels, else sigma).
    """

    times: int = 8
    beta: float = 1.0
    likelihood: LikelihoodName | None = None

    player: ClassVar[str] = "drawing"

    def resolved(self, spec: Spec, source: Any) -> Self:
        named = self.likelihood or following(spec)
        likelihood_of(named, spec)  # refuses names that do not suit the data
        return dataclasses.replace(super().resolved(spec, source), likelihood=named)

    def p(self, spec: Spec) -> Likelihood:
        """p(x|z) for observations of `spec`."""
        return likelihood_of(self.likelihood or following(spec), spec)

    def players(self, net: DrawingNet) -> Sequence[Player]:
        return [Player(self.player, (net,), partial(self._loss, net), additive=not nets.has_batch_statistics(net))]

    def _loss(self, net: DrawingNet, batch: Batch, now: Moment) -> Loss:
        x = net.p.drawn(batch.x, now.dice)
        trace = net.trace(x, _eps(net, x, now.dice))
        kl = trace.kl()
        distortion = batch_mean(-net.p.log_prob(x, trace.canvas, net.variance))
        rate = batch_mean(kl.flatten(1).sum(1))
        terms = {"distortion": distortion, "rate": rate, "elbo": -(distortion + rate)}
        memo = {"error": squared_error(x, net.p.mean(trace.canvas)), "kl": kl.detach()}
        return Loss(distortion + self.beta * rate, terms, memo)

    def after_step(self, net: DrawingNet, now: Moment, memos: Mapping[str, Any]) -> None:
        """The variance of the likelihood follows the squared error, and the usual nats of each latent those of the batch."""
        memo = memos[self.player]
        if self.likelihood == "sigma":
            follow(net.variance, memo["error"], now.step)
        net.usual.lerp_(memo["kl"].to(net.usual.dtype).mean(0), 1.0 - (FOLLOW if now.step else 0.0))

    def encode(self, net: DrawingNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        """The posterior means of all steps, each given those before it, from the first step to the last: what `decode` draws from."""
        return net.trace(x).mu.flatten(1)

    def codes(self, net: DrawingNet, x: Float[Tensor, "b *d"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """mean and log_variance of the posteriors where the latents before are posterior means, and kl (nats) where they are draws, the
        same noise for every example; each (b, times * z). Along the means less is left to say: on digits a third fewer bits."""
        every = {
            "mean": lambda: net.trace(x).mu,
            "log_variance": lambda: net.trace(x).log_var,
            "kl": lambda: net.trace(x, _eps(net, x, Dice.roll(0, 0, torch.zeros(len(x), dtype=torch.int64, device=x.device)))).kl(),
        }
        return {name: Code(every[name]().flatten(1)) for name in names or tuple(every)}

    def decode(self, net: DrawingNet, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        steps = z.unflatten(1, (net.times, net.latent))
        return net.p.mean(net.drawn(len(z), lambda t, _: steps[:, t]))

    def sample(self, net: DrawingNet, n: int, dice: Dice) -> Float[Tensor, "n *d"]:
        """The means of p(x|z) for draws of the prior."""
        eps = dice.rows(n).normal("prior", net.times, net.latent).to(net.usual)
        return net.p.mean(net.drawn(n, lambda t, p: reparameterise(*p, eps[:, t])))

    def log_density(self, net: DrawingNet, x: Float[Tensor, "b *d"], dice: Dice, k: int = 1) -> Density:
        """The evidence lower bound at one draw an example; for k > 1 the importance estimate, itself a bound in expectation."""
        x = net.p.drawn(x, dice)
        if k == 1:
            told = self._parts(net, x, dice)
            return Density(-(told.rate + told.distortion), "lower bound", net.p.levels)
        log_w = torch.stack([self._log_weight(net, x, _eps(net, x, dice.split(draw))) for draw in range(k)])
        return Density(importance_bound(log_w), "estimate", net.p.levels, k)

    def rate_distortion(self, net: DrawingNet, x: Float[Tensor, "b *d"], dice: Dice) -> RateDistortion:
        """The KL of all steps, and -log p(x|z), at one draw an example."""
        return self._parts(net, net.p.drawn(x, dice), dice)

    def _parts(self, net: DrawingNet, x: Float[Tensor, "b *d"], dice: Dice) -> RateDistortion:
        trace = net.trace(x, _eps(net, x, dice))
        return RateDistortion(trace.kl().flatten(1).sum(1), -net.p.log_prob(x, trace.canvas, net.variance), net.p.name)

    def _log_weight(self, net: DrawingNet, x: Float[Tensor, "b *d"], eps: Float[Tensor, "b t z"]) -> Float[Tensor, " b"]:
        """log w = log p(x|z) + sum over t of log p(z_t|z_<t) - log q(z_t|x, z_<t) at one draw."""
        trace = net.trace(x, eps)
        gained = gaussian_log_prob(trace.z, trace.prior_mu, trace.prior_log_var) - gaussian_log_prob(trace.z, trace.mu, trace.log_var)
        return net.p.log_prob(x, trace.canvas, net.variance) + gained.flatten(1).sum(1)

    def progressive(
        self, net: DrawingNet, x: Float[Tensor, "b *d"], dice: Dice, bits: tuple[float, ...]
    ) -> list[tuple[Float[Tensor, "b *d"], Float[Tensor, " b"]]]:
        """For each budget the pictures with at most so many bits an example, and the bits of each: the KL of the latents that are sent,
        over log 2. The few bits that say where it stops are not counted.

        The KL is what a draw of the posterior costs where sender and receiver share the prior and, for so many bits and no more, their
        randomness (Havasi et al. 2019); with bits back it is the net cost.
        """
        x = net.p.drawn(x, dice)
        eps = _eps(net, x, dice)
        drawings = (net.within(x, eps, most * math.log(2.0)) for most in bits)
        return [(net.p.mean(canvas), nats / math.log(2.0)) for canvas, nats in drawings]


def _eps(net: DrawingNet, x: Float[Tensor, "b *d"], dice: Dice) -> Float[Tensor, "b t z"]:
    return dice.normal("eps", net.times, net.latent).to(x.dtype)
