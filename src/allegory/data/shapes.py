"""Manifolds whose charts are known: coordinates to points and back, tangent spaces, and where it is known the length of shortest paths.

Each is embedded with the metric of the space around it, so that lengths on it are in the unit of the points. All numbers are float64.
Coordinates are drawn such that the points are uniform by volume. A chart leaves out a set of measure 0: the poles of a sphere, the seam
where an angle jumps from pi to -pi, rotations about the first axis of the Euler angles.

| name | dimension, in R^ | coordinates |
|---|---|---|
| swiss_roll | 2, 3 | arc length of the spiral r = t (t from 1.5 pi to 4.5 pi), height: the chart is an isometry |
| s_curve | 2, 3 | arc length, height: an isometry too |
| S1, S2, ... S<n> | n, n + 1 | n - 1 polar angles in [0, pi], one azimuth in [-pi, pi]; the radius is 1 |
| T2, ... T<n> | n, 2 n | n angles: the flat torus, a product of circles |
| doughnut | 2, 3 | the angle around the axis, and the one around the tube; radii 2 and 1 |
| klein | 2, 4 | the same angles of a tube that comes back turned over: the Klein bottle, which no R^3 holds |
| moebius | 2, 3 | the angle, and the place across the strip |
| SO3 | 3, 9 | Euler angles z y z of a rotation, as its 3 x 3 matrix; R^5 holds it too, R^3 and R^4 do not |
"""

import abc
import math
import re
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Misuse, key, nearest

Coordinates = Float[Tensor, "n k"]
Points = Float[Tensor, "n D"]
NEWTON = 30  # steps, far more than the spiral needs
TRIES = 1000


@dataclass(frozen=True)
class Shape(abc.ABC):
    """A manifold of dimension k in R^D. `names` and `box` (low, high): of the k coordinates."""

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]: ...

    @property
    @abc.abstractmethod
    def box(self) -> tuple[tuple[float, float], ...]: ...

    @property
    def dimension(self) -> int:
        """k."""
        return len(self.names)

    @abc.abstractmethod
    def embed(self, u: Coordinates) -> Points:
        """Where the points with these coordinates are; differentiable."""

    @abc.abstractmethod
    def chart(self, x: Points) -> Coordinates:
        """The coordinates of points on it: chart(embed(u)) is u within the box."""

    def draw(self, n: int, rng: np.random.Generator) -> Coordinates:
        """Coordinates of `n` points that are uniform by volume, for shapes whose coordinates are so."""
        low, high = np.array(self.box).T
        return torch.as_tensor(rng.uniform(low, high, (n, self.dimension)))

    def distance(self, u: Coordinates, v: Coordinates) -> Float[Tensor, " n"] | None:
        """The length of the shortest path from each u to its v; None where no formula is known here."""
        del u, v
        return None

    def jacobian(self, u: Coordinates) -> Float[Tensor, "n D k"]:
        """d embed / d u."""
        with torch.enable_grad():
            u = u.detach().requires_grad_()
            columns = self.embed(u).unbind(1)  # a row depends on its own coordinates only, so that sums over rows differentiate all at once
            rows = [torch.autograd.grad(c.sum(), u, retain_graph=True, allow_unused=True, materialize_grads=True)[0] for c in columns]
        return torch.stack(rows, 1)

    def tangents(self, u: Coordinates) -> Float[Tensor, "n k D"]:
        """An orthonormal basis of the tangent space at each point, a row each."""
        return torch.linalg.qr(self.jacobian(u)).Q.mT


@dataclass(frozen=True)
class _Bent(Shape):
    """A shape whose volume element varies: coordinates of the box are kept with a chance proportional to it."""

    @property
    @abc.abstractmethod
    def most(self) -> float:
        """A bound of the volume element."""

    def draw(self, n: int, rng: np.random.Generator) -> Coordinates:
        found: list[Tensor] = []
        for _ in range(TRIES):
            u = super().draw(n, rng)
            J = self.jacobian(u)
            volume = torch.linalg.det(J.mT @ J).clamp_min(0.0).sqrt()
            found.append(u[volume > self.most * torch.as_tensor(rng.random(n))])
            if sum(map(len, found)) >= n:
                break
        return torch.cat(found)[:n]


def _angle(y: Tensor, x: Tensor) -> Tensor:
    return torch.atan2(y, x)


def _between(u: Tensor, v: Tensor) -> Tensor:
    """The angle from u to v on a circle, in [-pi, pi]."""
    return torch.remainder(v - u + math.pi, 2 * math.pi) - math.pi


ROUND = (-math.pi, math.pi)


@dataclass(frozen=True)
class _Sheet(Shape):
    """A rectangle that is bent and not stretched: its chart is an isometry."""

    @property
    def names(self) -> tuple[str, ...]:
        return ("arc length", "height")

    def distance(self, u: Coordinates, v: Coordinates) -> Float[Tensor, " n"]:
        return (u - v).norm(dim=1)


@final
@dataclass(frozen=True)
class SwissRoll(_Sheet):
    """A rectangle rolled up along the spiral r = t."""

    height: float = 21.0
    turns: tuple[float, float] = (1.5 * math.pi, 4.5 * math.pi)

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        start, end = (float(_spiral(torch.tensor(t, dtype=torch.float64))) for t in self.turns)
        return ((start, end), (0.0, self.height))

    def embed(self, u: Coordinates) -> Points:
        s, height = u.unbind(1)
        t = torch.sqrt(2.0 * s.detach())
        for _ in range(NEWTON):
            t = t - (_spiral(t) - s.detach()) / torch.sqrt(1.0 + t * t)
        t = t + (s - s.detach()) / torch.sqrt(1.0 + t * t)  # dt/ds, for whoever differentiates
        return torch.stack([t * t.cos(), height, t * t.sin()], 1)

    def chart(self, x: Points) -> Coordinates:
        return torch.stack([_spiral((x[:, 0].square() + x[:, 2].square()).sqrt()), x[:, 1]], 1)


def _spiral(t: Tensor) -> Tensor:
    """The length of the spiral r = t from 0 to t."""
    return (t * torch.sqrt(1.0 + t * t) + torch.asinh(t)) / 2.0


@final
@dataclass(frozen=True)
class SCurve(_Sheet):
    """A strip bent along two circles of radius 1, one to either side."""

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        return ((-1.5 * math.pi, 1.5 * math.pi), (0.0, 2.0))

    def embed(self, u: Coordinates) -> Points:
        t, height = u.unbind(1)
        return torch.stack([t.sin(), height, t.sign() * (t.cos() - 1.0)], 1)

    def chart(self, x: Points) -> Coordinates:
        side = torch.where(x[:, 2] > 0, -1.0, 1.0).to(x)
        t = _angle(side * x[:, 0], 1.0 - x[:, 2].abs())
        # On its side a point lies beyond pi where the sine has turned its sign.
        return torch.stack([side * torch.where(t < -math.pi / 2, t + 2 * math.pi, t), x[:, 1]], 1)


@final
@dataclass(frozen=True)
class Sphere(Shape):
    """S^n of radius 1 in R^(n + 1)."""

    n: int = 2

    @property
    def names(self) -> tuple[str, ...]:
        return (*("polar" if self.n == 2 else f"polar {i + 1}" for i in range(self.n - 1)), "azimuth")

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        return (*((0.0, math.pi) for _ in range(self.n - 1)), ROUND)

    def embed(self, u: Coordinates) -> Points:
        ring, x = torch.ones_like(u[:, 0]), []
        for polar in u[:, :-1].unbind(1):
            x.append(ring * polar.cos())
            ring = ring * polar.sin()
        return torch.stack([*x, ring * u[:, -1].cos(), ring * u[:, -1].sin()], 1)

    def chart(self, x: Points) -> Coordinates:
        polar = [_angle(x[:, i + 1 :].norm(dim=1), x[:, i]) for i in range(self.n - 1)]
        return torch.stack([*polar, _angle(x[:, -1], x[:, -2])], 1)

    def draw(self, n: int, rng: np.random.Generator) -> Coordinates:
        return self.chart(torch.nn.functional.normalize(torch.as_tensor(rng.normal(size=(n, self.n + 1)))))

    def distance(self, u: Coordinates, v: Coordinates) -> Float[Tensor, " n"]:
        x, y = self.embed(u), self.embed(v)
        return 2.0 * torch.atan2((x - y).norm(dim=1), (x + y).norm(dim=1))


@final
@dataclass(frozen=True)
class FlatTorus(Shape):
    """A product of n circles of radius 1 in R^(2 n)."""

    n: int = 2

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"angle {i + 1}" for i in range(self.n))

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        return (ROUND,) * self.n

    def embed(self, u: Coordinates) -> Points:
        return torch.stack([u.cos(), u.sin()], 2).flatten(1)

    def chart(self, x: Points) -> Coordinates:
        return _angle(x[:, 1::2], x[:, 0::2])

    def distance(self, u: Coordinates, v: Coordinates) -> Float[Tensor, " n"]:
        return _between(u, v).norm(dim=1)


@dataclass(frozen=True)
class _Tube(_Bent):
    """A tube of radius r around a circle of radius R."""

    R: float = 2.0
    r: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        return ("around the axis", "around the tube")

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        return (ROUND, ROUND)


@final
@dataclass(frozen=True)
class Doughnut(_Tube):
    """The tube, closed."""

    @property
    def most(self) -> float:
        return self.r * (self.R + self.r)

    def embed(self, u: Coordinates) -> Points:
        a, b = u.unbind(1)
        out = self.R + self.r * b.cos()
        return torch.stack([out * a.cos(), out * a.sin(), self.r * b.sin()], 1)

    def chart(self, x: Points) -> Coordinates:
        return torch.stack([_angle(x[:, 1], x[:, 0]), _angle(x[:, 2], x[:, :2].norm(dim=1) - self.R)], 1)


@final
@dataclass(frozen=True)
class KleinBottle(_Tube):
    """As the doughnut, but the tube is turned over through a fourth dimension while it goes around: (a + 2 pi, b) is (a, -b)."""

    @property
    def most(self) -> float:
        return self.r * math.hypot(self.R + self.r, self.r / 2.0)

    def embed(self, u: Coordinates) -> Points:
        a, b = u.unbind(1)
        out, up = self.R + self.r * b.cos(), self.r * b.sin()
        return torch.stack([out * a.cos(), out * a.sin(), up * (a / 2).cos(), up * (a / 2).sin()], 1)

    def chart(self, x: Points) -> Coordinates:
        a = _angle(x[:, 1], x[:, 0])
        up = x[:, 2] * (a / 2).cos() + x[:, 3] * (a / 2).sin()
        return torch.stack([a, _angle(up, x[:, :2].norm(dim=1) - self.R)], 1)


@final
@dataclass(frozen=True)
class MoebiusStrip(_Bent):
    """A strip that makes half a turn while it goes around a circle of radius 1."""

    half: float = 0.5

    @property
    def names(self) -> tuple[str, ...]:
        return ("around", "across")

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        return (ROUND, (-self.half, self.half))

    @property
    def most(self) -> float:
        return math.hypot(1.0 + self.half, self.half / 2.0)

    def embed(self, u: Coordinates) -> Points:
        a, w = u.unbind(1)
        out = 1.0 + w * (a / 2).cos()
        return torch.stack([out * a.cos(), out * a.sin(), w * (a / 2).sin()], 1)

    def chart(self, x: Points) -> Coordinates:
        a = _angle(x[:, 1], x[:, 0])
        return torch.stack([a, (x[:, :2].norm(dim=1) - 1.0) * (a / 2).cos() + x[:, 2] * (a / 2).sin()], 1)


@final
@dataclass(frozen=True)
class Rotations(Shape):
    """SO(3) as matrices in R^9: turns about z by alpha, about y by beta, about z by gamma. There a turn is sqrt(2) times its angle long."""

    @property
    def names(self) -> tuple[str, ...]:
        return ("alpha", "beta", "gamma")

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        return (ROUND, (0.0, math.pi), ROUND)

    def embed(self, u: Coordinates) -> Points:
        alpha, beta, gamma = u.unbind(1)
        return (_about_z(alpha) @ _about_y(beta) @ _about_z(gamma)).flatten(1)

    def chart(self, x: Points) -> Coordinates:
        m = x.view(-1, 3, 3)
        alpha, gamma = _angle(m[:, 1, 2], m[:, 0, 2]), _angle(m[:, 2, 1], -m[:, 2, 0])
        return torch.stack([alpha, _angle(m[:, :2, 2].norm(dim=1), m[:, 2, 2]), gamma], 1)

    def draw(self, n: int, rng: np.random.Generator) -> Coordinates:
        u = super().draw(n, rng)
        return torch.stack([u[:, 0], torch.acos(1.0 - 2.0 * u[:, 1] / math.pi), u[:, 2]], 1)

    def distance(self, u: Coordinates, v: Coordinates) -> Float[Tensor, " n"]:
        # |A - B| = 2 sqrt(2) sin(angle / 2)
        chord = (self.embed(u) - self.embed(v)).norm(dim=1)
        return math.sqrt(2.0) * 2.0 * torch.asin((chord / (2.0 * math.sqrt(2.0))).clamp_max(1.0))


def _about_z(angle: Tensor) -> Tensor:
    c, s, o, i = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([c, -s, o, s, c, o, o, o, i], 1).view(-1, 3, 3)


def _about_y(angle: Tensor) -> Tensor:
    c, s, o, i = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([c, o, s, o, i, o, -s, o, c], 1).view(-1, 3, 3)


NAMED: dict[str, type[Shape]] = {
    "swiss_roll": SwissRoll, "s_curve": SCurve, "doughnut": Doughnut, "klein": KleinBottle, "moebius": MoebiusStrip, "SO3": Rotations,
}  # fmt: skip
NUMBERED: dict[str, type[Sphere] | type[FlatTorus]] = {"s": Sphere, "t": FlatTorus}
LARGEST = 32


def shape(name: str) -> Shape:
    """The shape of that name ("swiss_roll", "S2"). Raises `Misuse` with the nearest names."""
    k = key(name.strip())
    if (numbered := re.fullmatch(r"([st])(\d{1,4})", k)) is not None:
        n = int(numbered[2])
        if not 1 <= n <= LARGEST:
            raise Misuse(f"manifold {name}: expected a dimension from 1 to {LARGEST}")
        return NUMBERED[numbered[1]](n)
    for known, cls in NAMED.items():
        if key(known) == k:
            return cls()
    raise nearest(name, [*NAMED, "S2", "T2"], "manifold")
