"""What a method can do, as structural protocols. Tests, questions, pages and the command line ask for these, never for a name.

On a method each takes its `net` first; a `Representation` offers the same without it.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from allegory.core.dice import Dice
from allegory.core.tree import Tree


@dataclass(frozen=True, eq=False)
class Code:
    """One named code. `values` (b, ...), `mask` (b, ...) where sizes vary."""

    values: Tensor
    mask: Tensor | None = None
    kind: Literal["vector", "index", "set", "map", "sequence"] = "vector"


@dataclass(frozen=True, eq=False)
class Density:
    """log p(x) in nats per example, (b,), and what the number is.

    `levels`: the logarithm of a probability of so many levels a number, not of a density. For two levels where the data have more, it is
    that of a draw of black and white pixels, each as likely white as the pixel is bright. `k`: importance samples of an estimate.
    """

    values: Tensor
    kind: Literal["exact", "lower bound", "estimate"]
    levels: int | None = None
    k: int = 1

    @property
    def said(self) -> str:
        """The kind in words."""
        words = {"exact": "exact", "lower bound": "a lower bound", "estimate": f"an estimate with {self.k} importance samples"}
        return words[self.kind]


@dataclass(frozen=True, eq=False)
class RateDistortion:
    """What an example takes, in nats, (b,) each: `rate` to say its code, KL(q(z|x) || p(z)); `distortion` to say it from its code,
    -log p(x|z) at a draw of the code.

    `likelihood`: the name of p(x|z); distortions of different likelihoods are in different units.
    """

    rate: Tensor
    distortion: Tensor
    likelihood: str


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The numbers that a spectral method found, (z,), in the order of its code, and what they are in a word, such as "eigenvalue".

    `total`: what all of them sum to, with those that were not kept; where it is known, each is a share of it.
    """

    values: Tensor
    name: str
    total: Tensor | None = None


@runtime_checkable
class Encodes(Protocol):
    def encode(self, net: Any, x: Tree) -> Float[Tensor, "b z"]:
        """The one flat default code."""
        ...


@runtime_checkable
class HasCodes(Protocol):
    def codes(self, net: Any, x: Tree, names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """Named codes: layers, patches, slots, levels, posteriors. Computed only when asked for."""
        ...


@runtime_checkable
class Decodes(Protocol):
    def decode(self, net: Any, z: Float[Tensor, "b z"]) -> Tree:
        """The observation that a code stands for (its mean), images in [-1, 1]."""
        ...


@runtime_checkable
class Samples(Protocol):
    def sample(self, net: Any, n: int, dice: Dice) -> Tree:
        """`n` new observations."""
        ...


@runtime_checkable
class HasLogDensity(Protocol):
    def log_density(self, net: Any, x: Tree, dice: Dice, k: int = 1) -> Density:
        """log p(x) per example, and whether it is exact, a lower bound or an estimate: from `k` importance samples, where it takes any."""
        ...


@runtime_checkable
class HasBound(Protocol):
    def bound(self, net: Any, x: Tree, mu: Float[Tensor, "b z"], log_var: Float[Tensor, "b z"], dice: Dice) -> Float[Tensor, " b"]:
        """The evidence lower bound in nats, with the posterior N(mu, sigma^2) in place of the encoder's; differentiable in both."""
        ...


@runtime_checkable
class HasRate(Protocol):
    def rate_distortion(self, net: Any, x: Tree, dice: Dice) -> RateDistortion:
        """What the code of each example takes, and what is left to say. Where there is a bound, at one draw it is minus their sum."""
        ...


@runtime_checkable
class Completes(Protocol):
    def complete(self, net: Any, x: Tree, known: Tree, dice: Dice) -> Tree:
        """`x` with its entries where `known` (bool, of its shape) is False said anew from the others, which stay as they are."""
        ...


@runtime_checkable
class Progresses(Protocol):
    def progressive(self, net: Any, x: Tree, dice: Dice, bits: tuple[float, ...]) -> list[tuple[Tree, Float[Tensor, " b"]]]:
        """For each budget of bits an item (0 to infinity): `x` as it is said with at most so many, and the bits that each item took.

        A larger budget never takes fewer bits.
        """
        ...


@runtime_checkable
class Predicts(Protocol):
    def predict(self, net: Any, x: Tree) -> Float[Tensor, "b k"]:
        """Class probabilities."""
        ...


@runtime_checkable
class HasSpectrum(Protocol):
    def spectrum(self, net: Any) -> Spectrum:
        """The numbers that stand behind those of the code: variances, eigenvalues."""
        ...


@runtime_checkable
class Compares(Protocol):
    def compare(self, net: Any, a: Float[Tensor, "m z"], b: Float[Tensor, "n z"]) -> Float[Tensor, "m n"]:
        """The distance of every code of `a` from every code of `b` in the space that codes live in, where it is not Euclidean."""
        ...


CAPABILITIES: dict[str, type] = {
    "encode": Encodes, "codes": HasCodes, "decode": Decodes, "sample": Samples, "log_density": HasLogDensity, "bound": HasBound,
    "rate_distortion": HasRate, "complete": Completes, "progressive": Progresses, "predict": Predicts,
    "spectrum": HasSpectrum, "compare": Compares,
}  # fmt: skip
RESERVED = ("codes_of", "energy", "evolve", "render", "intervene", "act", "attend")


def can(method: Any) -> tuple[str, ...]:
    """The names of what `method` can do, in a fixed order. A setting of that name is no capability."""
    return tuple(name for name, protocol in CAPABILITIES.items() if isinstance(method, protocol) and callable(getattr(method, name)))
