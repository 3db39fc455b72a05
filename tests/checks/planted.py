"""A sound little method, and copies of it with one deliberate bug each. At the top of a module, so that other processes find them."""

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import nn

from allegory import views
from allegory.core import (
    Card,
    Claim,
    Code,
    Density,
    Dial,
    Loss,
    Optim,
    Paper,
    Player,
    RateDistortion,
    Recipe,
    Spectrum,
    Trained,
    batch_mean,
    everyone,
    fenced,
    move_average,
)

CARD = Card(
    family="planted",
    title="Linear autoencoder",
    paper=Paper("Baldi and Hornik", "Neural networks and principal component analysis", 1989,
                "https://doi.org/10.1016/0893-6080(89)90014-2", "4"),
    density="not modelled", manifold="Euclidean space", principle="compression", decoder="network",
    modelled=r"\hat x = B A x", minimised=r"\tfrac12 |x - B A x|^2", unit="nats per example, up to a constant",
    buys="Nothing but a contract to keep.", costs="Nothing.", fails="When a bug is planted.", specs=("vector",),
    falls="coder/error", laws=("affine code", "order of examples"), claims=(Claim("linear_probe", "accuracy", "digits", 0.5),),
)  # fmt: skip


class Net(nn.Module):
    """f, g, and a teacher of f."""

    def __init__(self, d, z):
        super().__init__()
        self.f, self.g = nn.Linear(d, z), nn.Linear(z, d)
        self.teacher = copy.deepcopy(self.f).requires_grad_(False)
        self.register_buffer("mean", torch.zeros(d))
        self.register_buffer("count", torch.zeros(()))


@dataclass(frozen=True)
class Linear(Trained[Any]):
    """What the sound method and its copies share. latent: size of the code."""

    latent: int = 3
    recipe: ClassVar[Recipe] = Recipe(optim=Optim(lr=0.02))
    card: ClassVar[Card] = CARD

    def build(self, spec, n):
        return Net(spec.size, self.latent)

    def prepare(self, net, items, dice):
        net.mean.copy_(torch.cat(list(items.batches())).mean(0))

    def players(self, net):
        return [Player("coder", (net.f, net.g), partial(self.loss, net), additive=True)]

    def error(self, net, x):
        return 0.5 * (x - net.mean - net.g(net.f(x - net.mean))).square().sum(1)

    def loss(self, net, batch, now):
        error = batch_mean(self.error(net, batch.x))
        return Loss(error, {"error": error}, memo=batch.x)

    def after_step(self, net, now, memos):
        move_average(net.teacher, net.f, 0.9)
        net.count.add_(len(memos["coder"]))

    def encode(self, net, x):
        return net.f(x - net.mean)

    def decode(self, net, z):
        return net.mean + net.g(z)

    def sample(self, net, n, dice):
        return self.decode(net, dice.rows(n).normal("z", self.latent).to(net.mean))

    def codes(self, net, x, names=None):
        every = {"student": Code(self.encode(net, x)), "teacher": Code(net.teacher(x - net.mean))}
        return {name: every[name] for name in names or every}

    def log_density(self, net, x, dice):
        return Density(-self.error(net, x), "estimate")


@final
@dataclass(frozen=True)
class Sound(Linear):
    """Linear autoencoder (Baldi and Hornik 1989): minimises half the squared reconstruction error.

    **Model.** B A x. **Objective.** Its squared error. **Notation.** A, B. **When it fails.** Never. **Reference.** See the card.
    """


PLANTED: list[tuple[str, type, str]] = []


def caught_by(check: str, says: str, **card: Any) -> Callable[[type], type]:
    """Registers a copy with the check that must catch it and a piece of what that must say."""

    def register(cls: type) -> type:
        cls = dataclass(frozen=True)(cls)
        cls.card = copy.copy(CARD)
        for name, value in card.items():
            object.__setattr__(cls.card, name, value)  # past the checker of types
        PLANTED.append((check, cls, says))
        return cls

    return register


@caught_by("check_value", "final")
class NotFinal(Linear):
    pass


@caught_by("check_value", "no concrete class as a base")
@final
class UnderFinal(Sound):
    pass


@caught_by("check_constructor", "latent changed")
@final
class Clamps(Linear):
    sizes: Any = (3,)

    def __post_init__(self):
        object.__setattr__(self, "latent", (self.latent, 8)[0] * 2 // 2 + 1)


@caught_by("check_constructor", "stored beside")
@final
class Remembers(Linear):
    def __post_init__(self):
        object.__setattr__(self, "half", self.latent / 2)


@caught_by("check_card", "claims", claims=())
@final
class ClaimsNothing(Linear):
    pass


@caught_by("check_card", "year of the paper", paper=dataclasses.replace(CARD.paper, year=0))
@final
class OfNoYear(Linear):
    pass


@caught_by("check_card", "sizes and steps only", tiny={"latent": 2.5})
@final
class TinyIsOther(Linear):
    pass


@caught_by("check_card", "laws", laws=("gravity",))
@final
class UnknownLaw(Linear):
    pass


@caught_by("check_card", "out of", density="unknown")
@final
class UnknownKind(Linear):
    pass


@caught_by("check_docstring", "1989")
@final
class NoYearInDoc(Linear):
    """Minimises half the squared error."""


@caught_by("check_docstring", "nothing on wide")
@final
class SilentField(Linear):
    """Linear autoencoder (1989): minimises half the squared error."""

    wide: int = 1


@caught_by("check_json", "written down")
@final
class HoldsFunction(Linear):
    squash: Any = torch.tanh


@caught_by("check_global_state", "torch generator")
@final
class DrawsGlobally(Linear):
    def loss(self, net, batch, now):
        x = batch.x + 0.1 * torch.randn(batch.x.shape)
        error = batch_mean(self.error(net, x))
        return Loss(error, {"error": error}, memo=batch.x)


@caught_by("check_global_state", "python generator")
@final
class DrawsInBuild(Linear):
    def build(self, spec, n):
        import random

        random.random()
        return super().build(spec, n)


@caught_by("check_global_state", "written over")
@final
class WritesOver(Linear):
    def encode(self, net, x):
        return net.f(x.sub_(net.mean))


@caught_by("check_seeds", "equal codes from one seed")
@final
class Unseeded(Linear):
    def build(self, spec, n):
        net = super().build(spec, n)
        with torch.no_grad():
            net.f.weight.copy_(torch.as_tensor(np.random.default_rng().normal(size=net.f.weight.shape)))
        return net


class FirstItems:
    """The same batch for ever."""

    def indices(self, n, size, seed, step, turn=0, classes=None):
        return np.arange(size)


@caught_by("check_seeds", "other codes from another seed")
@final
class OneSeed(Linear):
    batching: ClassVar[Any] = FirstItems()

    def build(self, spec, n):
        with fenced(7):
            return super().build(spec, n)


@caught_by("check_labels_unseen", "the same weights under other labels")
@final
class Peeks(Linear):
    def prepare(self, net, items, dice):
        first = torch.as_tensor(items.source.labels.values == 0)
        net.mean.copy_(torch.cat(list(items.batches()))[first].mean(0))


@caught_by("check_capabilities", "codes of shape")
@final
class CodesOfMaps(Linear):
    def encode(self, net, x):
        return net.f(x - net.mean)[:, :, None]


@caught_by("check_capabilities", "nats")
@final
class DensityOfBatch(Linear):
    def log_density(self, net, x, dice):
        return Density(-self.error(net, x).sum(), "estimate")


@caught_by("check_capabilities", "lower bound")
@final
class DensityOfNoKind(Linear):
    def log_density(self, net, x, dice):
        return Density(-self.error(net, x), "upper bound")


@caught_by("check_capabilities", "samples that differ")
@final
class OneSample(Linear):
    def sample(self, net, n, dice):
        return self.decode(net, dice.rows(1).normal("z", self.latent).to(net.mean).expand(n, -1))


@caught_by("check_capabilities", "expected items of shape")
@final
class DecodesFlat(Linear):
    def decode(self, net, z):
        return (net.mean + net.g(z))[:, 1:]


@caught_by("check_capabilities", "as far there as back")
@final
class FartherBack(Linear):
    def compare(self, net, a, b):
        return (a[:, None] - b).clamp_min(0.0).sum(2)


class Prefixes(Linear):
    """Sends the first numbers of the code, a bit each."""

    def progressive(self, net, x, dice, bits):
        return [self.first(net, self.encode(net, x), self.many(most)) for most in bits]

    def many(self, most):
        return int(min(most, self.latent))

    def first(self, net, z, n):
        sent = torch.where(torch.arange(z.shape[1]) < n, z, 0.0)
        return self.decode(net, sent), sent.new_full((len(z),), float(n))


@caught_by("check_capabilities", "stay within it")
@final
class Overspends(Prefixes):
    def many(self, most):
        return int(min(most + 1, self.latent))


@caught_by("check_capabilities", "all bits to say more than none")
@final
class SaysLess(Prefixes):
    def first(self, net, z, n):
        picture, bits = super().first(net, z, n)
        return picture + n, bits


class Coded(Linear):
    """Says its code by a standard normal, and what is left by one of variance 1."""

    def rate_distortion(self, net, x, dice):
        z = self.encode(net, x)
        left = (x - self.decode(net, z)).square().flatten(1).sum(1) / 2
        return RateDistortion(z.square().sum(1) / 2, left, "gaussian")

    def log_density(self, net, x, dice):
        told = Coded.rate_distortion(self, net, x, dice)
        return Density(-(told.rate + told.distortion), "lower bound")


@caught_by("check_capabilities", "rate + distortion = -bound")
@final
class DistortionOfAnotherSign(Coded):
    def rate_distortion(self, net, x, dice):
        told = super().rate_distortion(net, x, dice)
        return RateDistortion(told.rate, -told.distortion, told.likelihood)


@caught_by("check_capabilities", "none below 0 for a code")
@final
class RateBelowNothing(Coded):
    def rate_distortion(self, net, x, dice):
        told = super().rate_distortion(net, x, dice)
        return RateDistortion(-told.rate, told.distortion, told.likelihood)


@caught_by("check_card", "a dial that is a field", dial=Dial("beta", (1.0, 2.0, 4.0)))
@final
class DialOfNothing(Coded):
    pass


@caught_by("check_card", "rising values of the dial", dial=Dial("latent", (4, 2, 1)))
@final
class DialThatFalls(Coded):
    pass


@caught_by("check_card", "a method with a dial to say its rate", dial=Dial("latent", (1, 2, 4)))
@final
class DialWithoutARate(Linear):
    pass


@caught_by("check_capabilities", "only 'student'")
@final
class IgnoresNames(Linear):
    def codes(self, net, x, names=None):
        return super().codes(net, x)


@caught_by("check_batch_mates", "in another order")
@final
class PositionInBatch(Linear):
    def encode(self, net, x):
        return net.f(x - net.mean) + torch.linspace(0, 1, len(x), dtype=x.dtype)[:, None]


@caught_by("check_batch_mates", "in halves")
@final
class CentresBatch(Linear):
    def encode(self, net, x):
        z = net.f(x)
        return z - z.mean(0)


@caught_by("check_batch_mates", "`log_density` in halves")
@final
class VarianceOfBatch(Linear):
    def log_density(self, net, x, dice):
        error = self.error(net, x)
        return Density(-error / error.mean(), "estimate")


@caught_by("check_effective_rank", "effective rank")
@final
class OneDirection(Linear):
    def encode(self, net, x):
        z = net.f(x - net.mean)
        return z[:, :1].expand(-1, self.latent) + 0.0


@caught_by("check_double", "float64 from `encode`")
@final
class SinglePrecision(Linear):
    def encode(self, net, x):
        return net.f(x - net.mean).float()

    def decode(self, net, z):
        return super().decode(net, z.to(net.mean))


@caught_by("check_double", "float64 from `decode`")
@final
class SingleDecoder(Linear):
    def decode(self, net, z):
        return (net.mean + net.g(z)).to(torch.float32)


@caught_by("check_saved", "equal codes after loading")
@final
class KeepsOutside(Linear):
    def prepare(self, net, items, dice):
        super().prepare(net, items, dice)
        net.offset = net.mean.abs().mean() + 1.0

    def encode(self, net, x):
        return net.f(x - net.mean) + getattr(net, "offset", 0.0)


@caught_by("check_ownership", "a player for every parameter")
@final
class Orphan(Linear):
    def players(self, net):
        return [Player("coder", (net.f,), partial(self.loss, net))]


@caught_by("check_ownership", "one player a parameter")
@final
class TwoOwners(Linear):
    def players(self, net):
        loss = partial(self.loss, net)
        return [Player("coder", (net.f, net.g), loss), Player("other", (net.g,), loss)]


@caught_by("check_own_modules", "teacher.weight")
@final
class MovesTeacher(Linear):
    def loss(self, net, batch, now):
        move_average(net.teacher, net.f, 0.9)
        return super().loss(net, batch, now)


@caught_by("check_own_modules", "running_mean")
@final
class MovesStatistics(Linear):
    def build(self, spec, n):
        net = super().build(spec, n)
        net.norm = nn.BatchNorm1d(self.latent)
        return net

    def players(self, net):
        return [*super().players(net), Player("norm", (net.norm,), partial(self.of_norm, net))]

    def loss(self, net, batch, now):
        net.norm(net.f(batch.x))
        return super().loss(net, batch, now)

    def of_norm(self, net, batch, now):
        return Loss(batch_mean((net.norm(net.f(batch.x).detach()) - 1.0).square().sum(1)))


@caught_by("check_own_modules", "a gradient on each module")
@final
class Unreached(Linear):
    def error(self, net, x):
        return 0.5 * (x - net.mean - net.g(net.f(x - net.mean).detach())).square().sum(1)


@caught_by("check_micro_batches", "to add up")
@final
class NotAdditive(Linear):
    def loss(self, net, batch, now):
        error = self.error(net, batch.x)
        total = batch_mean(error) + batch_mean((error - batch_mean(error)).square())
        return Loss(total, {"error": total}, memo=batch.x)


@caught_by("check_loss_pure", "repeat itself")
@final
class CountsInLoss(Linear):
    def loss(self, net, batch, now):
        net.count.add_(1.0)
        error = batch_mean(self.error(net, batch.x)) * net.count
        return Loss(error, {"error": error}, memo=batch.x)


@caught_by("check_loss_pure", "moved count")
@final
class MovesInLoss(Linear):
    def loss(self, net, batch, now):
        net.count.add_(1.0)
        return super().loss(net, batch, now)


@caught_by("check_loss_pure", "leave its batch alone")
@final
class WritesOverBatch(Linear):
    def loss(self, net, batch, now):
        batch.x.clamp_(-1.0, 1.0)
        return super().loss(net, batch, now)


class Unsteady:
    """Draws from a generator that nobody seeded."""

    def indices(self, n, size, seed, step, turn=0, classes=None):
        return np.random.default_rng().permutation(n)[:size]


@caught_by("check_batching", "the same batch again")
@final
class UnsteadyBatches(Linear):
    batching: ClassVar[Any] = Unsteady()


@caught_by("check_resume", "after a restart at step 1")
@final
class ForgetsOnRestart(Linear):
    def after_step(self, net, now, memos):
        super().after_step(net, now, memos)
        net.seen = getattr(net, "seen", 0) + 1

    def loss(self, net, batch, now):
        error = batch_mean(self.error(net, batch.x)) * (1.0 + getattr(net, "seen", 0))
        return Loss(error, {"error": error}, memo=batch.x)


@caught_by("check_falls", "to fall")
@final
class WrongSign(Linear):
    def loss(self, net, batch, now):
        error = batch_mean(self.error(net, batch.x))
        return Loss(-error, {"error": error}, memo=batch.x)


@caught_by("check_falls", "a reported term", falls="coder/loss")
@final
class UnknownTerm(Linear):
    pass


@caught_by("check_processes", "the gradient of coder")
@final
class OwnRowsOnly(Linear):
    def loss(self, net, batch, now):
        z = net.f(batch.x - net.mean)
        error = batch_mean(self.error(net, batch.x)) + (z - z.mean(0)).square().mean()
        return Loss(error, {"error": error}, memo=batch.x)


@caught_by("check_processes", "count")
@final
class CountsOwnRows(Linear):
    def after_step(self, net, now, memos):
        net.count.add_(len(everyone(memos["coder"])))


@caught_by("check_laws", "views swapped", laws=("swap of views",))
@final
class OneWay(Linear):
    views: Any = views.Pair(views.Noise(0.1))

    def loss(self, net, batch, now):
        first, second = batch.views
        error = batch_mean((net.f(first) - net.f(second).detach()).square().sum(1) + self.error(net, first))
        return Loss(error, {"error": error}, memo=batch.x)


@caught_by("check_laws", "another order", laws=("order of examples",))
@final
class FirstMatters(Linear):
    def loss(self, net, batch, now):
        error = self.error(net, batch.x)
        return Loss(error[0], {"error": error[0]}, memo=batch.x)


@caught_by("check_laws", "an affine code", laws=("affine code",))
@final
class Bent(Linear):
    def encode(self, net, x):
        return net.f(x - net.mean).relu()


@caught_by("check_laws", "reconstructions that stay", laws=("projection",))
@final
class NoProjection(Linear):
    pass


@caught_by("check_capabilities", "shares of")
@final
class MoreThanAll(Linear):
    """Its variances are more than there is."""

    def spectrum(self, net):
        values = torch.ones(self.latent)
        return Spectrum(values, "variance", total=values.sum() / 2)
