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
    """log p(x) in nats per example, (b,), and what the number is; `discrete`: log probabilities of two levels, not a density."""

    values: Tensor
    kind: Literal["exact", "lower bound", "estimate"]
    discrete: bool = False


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
    def log_density(self, net: Any, x: Tree, dice: Dice) -> Density:
        """log p(x) per example, and whether it is exact, a lower bound or an estimate."""
        ...


@runtime_checkable
class Predicts(Protocol):
    def predict(self, net: Any, x: Tree) -> Float[Tensor, "b k"]:
        """Class probabilities."""
        ...


CAPABILITIES: dict[str, type] = {
    "encode": Encodes, "codes": HasCodes, "decode": Decodes, "sample": Samples, "log_density": HasLogDensity, "predict": Predicts,
}  # fmt: skip
RESERVED = ("codes_of", "energy", "complete", "evolve", "render", "compare", "intervene", "act", "attend")


def can(method: Any) -> tuple[str, ...]:
    """The names of what `method` can do, in a fixed order."""
    return tuple(name for name, protocol in CAPABILITIES.items() if isinstance(method, protocol))
