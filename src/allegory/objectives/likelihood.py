r"""log p(x|z), in nats per example, summed over dimensions. Images come in [-1, 1]; what a decoder gives is unsquashed.

bernoulli    black and white; the observation is a draw with the pixel (x + 1) / 2 as its probability, which on two levels is x itself
             and on grey ones is the dynamic binarisation of Burda et al. (2016)
gaussian     variance 1 in the unit of x
sigma        one variance for all dimensions, at its best value: the mean squared error (Rybkin et al. 2021, sec. 3.2)
logistic     a logistic distribution (mean and log scale a number) in the cell of each level; the outermost levels have the tails
             (Kingma et al. 2016, appendix; Salimans et al. 2017, eq. 2)
categorical  a probability for each level of each number

The best variance is handed in as a number that follows the squared errors of past batches, so that the likelihood of an example does
not depend on its batch mates. At the optimum the gradient is that of the paper: d/dt [s/(2 v) + log(v)/2] at v = s is s'/(2 s).
Entries of x that are NaN are missing: they count nothing (masked likelihood; Nazabal et al. 2020, eq. 3).
"""

import abc
import dataclasses
import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from allegory.core import Array, Dice, Misuse, Spec

LikelihoodName = Literal["bernoulli", "gaussian", "sigma", "logistic", "categorical"]
LIKELIHOODS: tuple[LikelihoodName, ...] = get_args(LikelihoodName)
LEAST_VARIANCE = 1e-6
LEAST_LOG_SCALE, LEAST_MASS = -7.0, 1e-12


@dataclass(frozen=True)
class Likelihood(abc.ABC):
    """p(x | out). A decoder gives (b, numbers * c, *rest) for observations (b, c, *rest). `levels`: of its probabilities, else None.

    `holes`: entries of x may be missing (NaN). `variance` (scalar) is read by "sigma" only.
    """

    levels: int | None = None
    numbers: int = 1
    holes: bool = False

    @property
    def name(self) -> LikelihoodName:
        """The name that `likelihood_of` knows it by."""
        named: LikelihoodName = type(self).__name__.lower()  # type: ignore[assignment]
        return named

    @property
    def follows(self) -> bool:
        """Whether it reads a variance that follows the squared error."""
        return False

    @abc.abstractmethod
    def each(self, x: Float[Tensor, "b *d"], out: Float[Tensor, "b *k"], variance: Float[Tensor, ""]) -> Float[Tensor, "b *d"]:
        """log p of every number of an x without missing entries, in nats."""

    def whole(self, x: Float[Tensor, "b *d"], out: Float[Tensor, "b *k"], variance: Float[Tensor, ""]) -> Float[Tensor, " b"]:
        """The sum of `each` over the numbers of an example."""
        return self.each(x, out, variance).flatten(1).sum(1)

    @abc.abstractmethod
    def mean(self, out: Float[Tensor, "b *k"]) -> Float[Tensor, "b *d"]:
        """The mean of p(x | out) in the unit of x."""

    @abc.abstractmethod
    def sample(self, out: Float[Tensor, "b *k"], variance: Float[Tensor, ""], dice: Dice) -> Float[Tensor, "b *d"]:
        """A draw of x, in the unit of x."""

    def drawn(self, x: Float[Tensor, "b *d"], dice: Dice) -> Float[Tensor, "b *d"]:
        """The observation that is modelled: `x` itself, except for black and white draws of grey pixels."""
        del dice
        return x

    def log_prob(
        self, x: Float[Tensor, "b *d"], out: Float[Tensor, "b *k"], variance: Float[Tensor, ""] | None = None,
        known: Bool[Tensor, "b *d"] | None = None,
    ) -> Float[Tensor, " b"]:  # fmt: skip
        """log p(x | out) of every example, in nats; only entries that are `known` count: all but the missing ones unless said."""
        variance = x.new_ones(()) if variance is None else variance
        known = ~x.isnan() if known is None and self.holes else known
        if known is None:
            return self.whole(x, out, variance)
        return torch.where(known, self.each(torch.where(known, x, 0.0), out, variance), 0.0).flatten(1).sum(1)


def _parted(out: Tensor, numbers: int) -> Tensor:
    """(b, numbers * c, ...) -> (b, numbers, c, ...)."""
    return out.unflatten(1, (numbers, -1))


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Logits of white. `grey`: the pixels have more levels than two, and are probabilities of white."""

    levels: int | None = 2
    grey: bool = False

    def each(self, x: Tensor, out: Tensor, variance: Tensor) -> Tensor:
        del variance
        return -F.binary_cross_entropy_with_logits(out, (x + 1.0) / 2.0, reduction="none")

    def whole(self, x: Tensor, out: Tensor, variance: Tensor) -> Tensor:
        del variance
        return -F.binary_cross_entropy_with_logits(out, (x + 1.0) / 2.0, reduction="none").flatten(1).sum(1)

    def mean(self, out: Tensor) -> Tensor:
        return 2.0 * torch.sigmoid(out) - 1.0

    def sample(self, out: Tensor, variance: Tensor, dice: Dice) -> Tensor:
        del variance
        return dataclasses.replace(self, grey=True).drawn(self.mean(out), dice)

    def drawn(self, x: Tensor, dice: Dice) -> Tensor:
        if not self.grey:
            return x
        # In place: on CPU a comparison into floats is several times faster than `torch.where` or booleans turned into floats.
        white = dice.uniform("black or white", *x.shape[1:]).to(x.dtype).lt_((x.detach() + 1.0).div_(2.0))
        drawn = white.mul_(2.0).sub_(1.0)
        return torch.where(x.isnan(), x, drawn) if self.holes else drawn


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """The mean; one variance for all numbers, which is 1 unless `free`."""

    free: bool = False

    @property
    def name(self) -> LikelihoodName:
        return "sigma" if self.free else "gaussian"

    @property
    def follows(self) -> bool:
        return self.free

    def each(self, x: Tensor, out: Tensor, variance: Tensor) -> Tensor:
        v = variance.clamp_min(LEAST_VARIANCE) if self.free else torch.ones_like(variance)
        return -0.5 * ((x - out).square() / v + math.log(2 * math.pi) + v.log())

    def mean(self, out: Tensor) -> Tensor:
        return out

    def sample(self, out: Tensor, variance: Tensor, dice: Dice) -> Tensor:
        noise = dice.normal("noise", *out.shape[1:]).to(out.dtype)
        return out + (variance.sqrt() if self.free else 1.0) * noise


@dataclass(frozen=True)
class Logistic(Likelihood):
    """Mean and log scale of a logistic distribution over the cells of `levels` levels between -1 and 1."""

    levels: int | None = 256
    numbers: int = 2

    @property
    def step(self) -> float:
        """The distance of neighbouring levels."""
        assert self.levels is not None
        return 2.0 / (self.levels - 1)

    def each(self, x: Tensor, out: Tensor, variance: Tensor) -> Tensor:
        del variance
        mean, log_scale = _parted(out, 2).unbind(1)
        log_scale = log_scale.clamp_min(LEAST_LOG_SCALE)
        above, below = ((x - mean + side * self.step / 2) * torch.exp(-log_scale) for side in (1.0, -1.0))
        inside = torch.log((torch.sigmoid(above) - torch.sigmoid(below)).clamp_min(LEAST_MASS))
        # A cell far out in a tail: the density in its middle, times its width.
        middle = (x - mean) * torch.exp(-log_scale)
        far = F.logsigmoid(middle) + F.logsigmoid(-middle) - log_scale + math.log(self.step)
        inside = torch.where(torch.sigmoid(above) - torch.sigmoid(below) > 1e-5, inside, far)
        lowest, highest = x < -1.0 + self.step / 2, x > 1.0 - self.step / 2
        return torch.where(lowest, F.logsigmoid(above), torch.where(highest, F.logsigmoid(-below), inside))

    def mean(self, out: Tensor) -> Tensor:
        """That of the distribution before it is cut at the outermost levels, kept within them."""
        return _parted(out, 2)[:, 0].clamp(-1.0, 1.0)

    def sample(self, out: Tensor, variance: Tensor, dice: Dice) -> Tensor:
        del variance
        mean, log_scale = _parted(out, 2).unbind(1)
        u = dice.uniform("logistic", *mean.shape[1:], low=1e-6, high=1.0 - 1e-6).to(out.dtype)
        x = mean + log_scale.clamp_min(LEAST_LOG_SCALE).exp() * torch.logit(u)
        return ((x.clamp(-1.0, 1.0) + 1.0) / self.step).round() * self.step - 1.0


@dataclass(frozen=True)
class Categorical(Likelihood):
    """Logits of each of `levels` levels between -1 and 1."""

    levels: int | None = 256
    numbers: int = 256

    def index(self, x: Tensor) -> Tensor:
        """The number of the nearest level, int64."""
        return ((x.clamp(-1.0, 1.0) + 1.0) / 2.0 * (self.numbers - 1)).round().long()

    def each(self, x: Tensor, out: Tensor, variance: Tensor) -> Tensor:
        del variance
        return torch.log_softmax(_parted(out, self.numbers), 1).gather(1, self.index(x)[:, None])[:, 0]

    def mean(self, out: Tensor) -> Tensor:
        places = torch.linspace(-1.0, 1.0, self.numbers, dtype=out.dtype, device=out.device)
        return torch.tensordot(torch.softmax(_parted(out, self.numbers), 1), places, dims=([1], [0]))

    def sample(self, out: Tensor, variance: Tensor, dice: Dice) -> Tensor:
        del variance
        logits = _parted(out, self.numbers)
        u = dice.uniform("level", *logits.shape[2:]).to(out.dtype)
        drawn = (torch.softmax(logits, 1).cumsum(1) < u[:, None]).sum(1).clamp_max(self.numbers - 1)
        return drawn.to(out.dtype) * (2.0 / (self.numbers - 1)) - 1.0


def likelihood_of(name: LikelihoodName, spec: Spec) -> Likelihood:
    """The likelihood of this name for observations of `spec`. Raises `Misuse` where it wants levels and there are none."""
    levels, holes = levels_of(spec), isinstance(spec, Array) and spec.holes
    if name in ("gaussian", "sigma"):
        return Gaussian(free=name == "sigma", holes=holes)
    if name == "bernoulli":
        return Bernoulli(grey=levels != 2, holes=holes)
    if levels is None:
        raise Misuse(f"the likelihood {name!r} gives probabilities of levels, and {spec} have none; use sigma or gaussian")
    return Logistic(levels=levels, holes=holes) if name == "logistic" else Categorical(levels=levels, numbers=levels, holes=holes)


def following(spec: Spec) -> LikelihoodName:
    """The likelihood that follows from the data: bernoulli for two levels, else sigma."""
    return "bernoulli" if levels_of(spec) == 2 else "sigma"


def levels_of(spec: Spec) -> int | None:
    """How many levels the pixels of images have; None for all else."""
    return spec.levels if isinstance(spec, Array) and spec.is_image else None


def widened(spec: Spec, numbers: int) -> Spec:
    """The spec of what a decoder gives for a likelihood that takes `numbers` for each number of an observation."""
    assert isinstance(spec, Array)
    return Array((numbers * spec.shape[0], *spec.shape[1:])) if numbers > 1 else spec
