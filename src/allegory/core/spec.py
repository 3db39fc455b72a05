"""What one observation is: a small closed algebra.

image = Array((c, h, w), levels=256)      video = Seq(image)        trajectory = Seq(Parts(obs=..., action=...))
scene = Set(Parts(image=..., pose=...))   text = Tokens(50_000)     rays = Parts(ray=..., colour=...)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from allegory.core import tree
from allegory.core.errors import Problem


@dataclass(frozen=True)
class Spec:
    """Base of the algebra. A spec never holds data."""

    def check(self, x: tree.Tree, what: str = "the data") -> None:
        """Raises `Problem` when the items of `x` are not of this spec."""
        del x
        raise Problem(f"{type(self).__name__} observations are declared, but no method reads them yet; got {what}")


@dataclass(frozen=True)
class Array(Spec):
    """A dense array of one shape: a vector (d,), a series (c, t) of c channels with time last, an image (c, h, w).

    `levels` remembers the discrete levels of pixels (256 for 8 bit), for likelihoods. `holes`: entries may be missing, which are NaN.
    """

    shape: tuple[int, ...]
    levels: int | None = None
    holes: bool = field(default=False, repr=False)

    @property
    def size(self) -> int:
        """How many numbers one item has."""
        return math.prod(self.shape)

    @property
    def is_image(self) -> bool:
        """True for (c, h, w)."""
        return len(self.shape) == 3

    @property
    def is_series(self) -> bool:
        """True for (c, t): channels, then time."""
        return len(self.shape) == 2

    def check(self, x: tree.Tree, what: str = "the data") -> None:
        shape = tuple(getattr(x, "shape", ())[1:])
        if not tree.is_leaf(x) or shape != self.shape:
            raise Problem(f"{what}: expected items of shape {self.shape}, got {shape or type(x).__name__}")

    def __str__(self) -> str:
        body = " x ".join(str(s) for s in self.shape)
        kind = "images" if self.is_image else "series" if self.is_series else "arrays"
        return f"{kind} {body}" + (f", {self.levels} levels" if self.levels else "") + ", with holes" * self.holes


@dataclass(frozen=True)
class Tokens(Spec):
    """A sequence of symbols 0 .. vocabulary - 1."""

    vocabulary: int
    length: int | None = None


@dataclass(frozen=True)
class Seq(Spec):
    """An ordered sequence, of unequal length when `length` is None."""

    of: Spec
    length: int | None = None


@dataclass(frozen=True)
class Set(Spec):
    """An unordered set, of unequal size when `size` is None."""

    of: Spec
    size: int | None = None


@dataclass(frozen=True)
class Graph(Spec):
    """Nodes and edges with their own specs."""

    node: Spec
    edge: Spec | None = None


@dataclass(frozen=True, init=False)
class Parts(Spec):
    """Several named observations of one item; the observation is a dict."""

    parts: tuple[tuple[str, Spec], ...]

    def __init__(self, parts: Mapping[str, Spec] | tuple[tuple[str, Spec], ...]):
        pairs = parts.items() if isinstance(parts, Mapping) else parts
        object.__setattr__(self, "parts", tuple((str(k), v) for k, v in pairs))

    def __getitem__(self, name: str) -> Spec:
        return dict(self.parts)[name]

    def check(self, x: tree.Tree, what: str = "the data") -> None:
        if not isinstance(x, dict) or set(x) != set(dict(self.parts)):
            got = sorted(x) if isinstance(x, dict) else type(x).__name__
            raise Problem(f"{what}: expected the parts {sorted(dict(self.parts))}, got {got}")
        for name, spec in self.parts:
            spec.check(x[name], f"{what}, part {name!r}")

    def __str__(self) -> str:
        return "; ".join(f"{k}: {v}" for k, v in self.parts)


SPECS: dict[str, type[Spec]] = {c.__name__: c for c in (Array, Tokens, Seq, Set, Graph, Parts)}
