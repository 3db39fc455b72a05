"""Items that lie on a manifold whose truth is known: one shape, or a product of several such as S2xS2xSO3 (`shapes` lists them).

A product is embedded by writing the points of its factors one after another. With `d` the whole is turned at random into R^d, so that no
number belongs to one factor; `noise` is the standard deviation that every number of R^d gets on top. Everything follows from the seed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Array, Misuse
from allegory.data.attributes import Attribute
from allegory.data.found import Found
from allegory.data.shapes import Coordinates, Points, Shape, shape
from allegory.data.source import Factors, Source

MOST = 10_000_000


@dataclass(frozen=True, eq=False)
class Product:
    """A product of shapes, turned into R^d by `turn` (D, d) with orthonormal rows; a shape alone is a product of one."""

    name: str
    shapes: tuple[Shape, ...]
    turn: Float[Tensor, "D d"] | None = None

    @staticmethod
    def of(name: str, d: int = 0, seed: int = 0) -> "Product":
        """The shapes joined by x ("S2xSO3"); `d` 0 leaves them as they are. Raises `Misuse`."""
        shapes = tuple(shape(part) for part in name.lower().split("x"))
        plain = Product(name, shapes)
        if d == 0:
            return plain
        D = plain.embed(torch.cat([s.draw(1, np.random.default_rng(0)) for s in shapes], 1)).shape[1]
        if d < D:
            raise Misuse(f"manifold {name}: it lies in R^{D}; expected d of at least {D}, or 0 for no turn, got {d}")
        turn = np.linalg.qr(np.random.default_rng([seed, 1]).normal(size=(d, d)))[0][:D]
        return Product(name, shapes, torch.as_tensor(turn))

    @property
    def dimension(self) -> int:
        """k, of all factors together."""
        return sum(s.dimension for s in self.shapes)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the coordinates; with the number of the factor before it where there are several."""
        single = len(self.shapes) == 1
        return tuple(name if single else f"{i + 1} {name}" for i, s in enumerate(self.shapes) for name in s.names)

    def of_factors(self, u: Coordinates) -> tuple[Coordinates, ...]:
        """The coordinates of each factor."""
        return u.split([s.dimension for s in self.shapes], dim=1)

    def draw(self, n: int, rng: np.random.Generator) -> Coordinates:
        """Uniform by volume."""
        return torch.cat([s.draw(n, rng) for s in self.shapes], 1)

    def embed(self, u: Coordinates) -> Points:
        """Where the points are."""
        x = torch.cat([s.embed(own) for s, own in zip(self.shapes, self.of_factors(u), strict=True)], 1)
        return x if self.turn is None else x @ self.turn

    def chart(self, x: Points) -> Coordinates:
        """The coordinates of points."""
        x, own = (x if self.turn is None else x @ self.turn.T), []
        for s in self.shapes:
            width = s.embed(torch.zeros(1, s.dimension, dtype=x.dtype)).shape[1]
            own.append(s.chart(x[:, :width]))
            x = x[:, width:]
        return torch.cat(own, 1)

    def tangents(self, u: Coordinates) -> tuple[Float[Tensor, "n k d"], ...]:
        """Of each factor an orthonormal basis of its tangent subspace at every point, a row each; they are orthogonal to each other."""
        own = [s.tangents(v) for s, v in zip(self.shapes, self.of_factors(u), strict=True)]
        D, at, found = sum(t.shape[2] for t in own), 0, []
        for t in own:
            wide = torch.nn.functional.pad(t, (at, D - at - t.shape[2]))
            found.append(wide if self.turn is None else wide @ self.turn)
            at += t.shape[2]
        return tuple(found)

    def distance(self, u: Coordinates, v: Coordinates) -> Float[Tensor, " n"] | None:
        """The length of the shortest path: by Pythagoras from those of the factors; None where one of them has no formula."""
        own = [s.distance(a, b) for s, a, b in zip(self.shapes, self.of_factors(u), self.of_factors(v), strict=True)]
        return None if any(o is None for o in own) else torch.stack([o for o in own if o is not None]).norm(dim=0)

    def cells(self, u: Coordinates) -> tuple[np.ndarray, tuple[int, ...]]:
        """(n, factors) int64 and their numbers: in which cell of its factor a point is, when every coordinate is cut in the middle."""
        values = []
        for s, own in zip(self.shapes, self.of_factors(u), strict=True):
            middle = torch.tensor([(low + high) / 2 for low, high in s.box], dtype=u.dtype)
            values.append(((own > middle).long() * 2 ** torch.arange(s.dimension)).sum(1))
        return torch.stack(values, 1).numpy(), tuple(2**s.dimension for s in self.shapes)


@dataclass(frozen=True, eq=False)
class Sampled:
    """Items on a manifold: their coordinates `u` (n, k), and the points `x` (n, d) with their noise."""

    manifold: Product
    u: Coordinates
    x: Points


def sampled(name: str, n: int = 2000, noise: float = 0.0, d: int = 0, seed: int = 0) -> Sampled:
    """`n` items, the same whenever they are asked for. Raises `Misuse` for what is no manifold, or for numbers out of range."""
    if not isinstance(n, int) or not 1 <= n <= MOST:
        raise Misuse(f"manifold: expected 1 to {MOST} items, got n={n!r}")
    if not (math.isfinite(noise) and noise >= 0):
        raise Misuse(f"manifold: expected a noise of 0 or more, got {noise!r}")
    manifold = Product.of(name, d, seed)
    rng = np.random.default_rng([seed, 0])
    u = manifold.draw(n, rng)
    x = manifold.embed(u)
    return Sampled(manifold, u, x + noise * torch.as_tensor(rng.normal(size=x.shape)))


def open_manifold(
    _: str = "", aside: Sequence[str] = (), *, name: str = "swiss_roll", n: int = 2000, noise: float | str = 0.0, d: int = 0, seed: int = 0
) -> Found:
    """`n` items on the manifold `name` (S2xS2 for a product), turned into R^d where `d` is said, with Gaussian `noise`.

    Its coordinates are attributes; of a product, the cell of each factor (every coordinate cut in the middle) is a generative factor.
    """
    del aside
    for what, value in (("d", d), ("seed", seed)):
        if not isinstance(value, int) or value < 0:
            raise Misuse(f"manifold: expected a whole number for {what}, got {value!r}")
    items = sampled(name, n, _number(noise), d, seed)
    manifold, u = items.manifold, items.u.numpy()
    attributes = tuple(Attribute(what, "continuous", u[:, i].copy()) for i, what in enumerate(manifold.names))
    factors = None
    if len(manifold.shapes) > 1:
        values, sizes = manifold.cells(items.u)
        parts = name.split("x") if len(name.split("x")) == len(sizes) else name.lower().split("x")
        factors = Factors(tuple(f"factor {i + 1}, {part}" for i, part in enumerate(parts)), sizes, values)
    notes = (f"a manifold of dimension {manifold.dimension}, uniform by volume; angles are in radians, and jump at their seam",)
    x = items.x.numpy()
    return Found(Source(f"manifold {name}", Array((x.shape[1],)), x, factors=factors, attributes=attributes, notes=notes))


def _number(value: float | str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Misuse(f"manifold: expected a number for noise, got {value!r}") from None
