"""Similarities k(x, y) of items, and whether a table of them is one of inner products.

A function is a Mercer kernel when each of its Gram matrices K_ij = k(x_i, x_j) is positive semi-definite: then k(x, y) = <f(x), f(y)> for
some map f into a space with an inner product (Mercer 1909; Schoelkopf and Smola 2002 on positive definite kernels). Minus half a
squared distance is one after centring alone (conditionally): that is what multidimensional scaling stands on (Schoenberg 1935).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Misuse

Kernel = Callable[[Float[Tensor, "m d"], Float[Tensor, "n d"]], Float[Tensor, "m n"]]
KernelName = Literal["linear", "polynomial", "rbf", "laplace"]
DistanceName = Literal["euclidean", "manhattan"]
TOLERANCE = 1e-8  # of the largest eigenvalue: float64 rounding of a Gram matrix of thousands of items stays below


def squared_distances(x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
    """|x_i - y_j|^2, from differences to the mean of `y`, so that squares keep their digits."""
    mean = y.mean(0)
    x, y = x - mean, y - mean
    return torch.addmm(y.square().sum(1)[None], x, y.T, alpha=-2.0).add_(x.square().sum(1, keepdim=True)).clamp_min_(0.0)


def manhattan(x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
    """sum_d |x_id - y_jd|."""
    return torch.cdist(x, y, p=1.0)


@dataclass(frozen=True)
class Linear:
    """<x, y>."""

    def __call__(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
        return x @ y.T


@dataclass(frozen=True)
class Polynomial:
    """(gamma <x, y> + c)^degree; a Mercer kernel for whole degrees and c >= 0."""

    gamma: float
    degree: int = 3
    c: float = 1.0

    def __call__(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
        return (self.gamma * (x @ y.T) + self.c) ** self.degree


@dataclass(frozen=True)
class RBF:
    """exp(-gamma |x - y|^2)."""

    gamma: float

    def __call__(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
        return (-self.gamma * squared_distances(x, y)).exp()


@dataclass(frozen=True)
class Laplace:
    """exp(-gamma sum_d |x_d - y_d|)."""

    gamma: float

    def __call__(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
        return (-self.gamma * manhattan(x, y)).exp()


@dataclass(frozen=True)
class MinusHalfSquared:
    """-d(x, y)^2 / 2 of a distance: after centring, the inner products that give these distances back, where there are any."""

    distance: Kernel

    def __call__(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
        return self.distance(x, y).square().mul_(-0.5)


def euclidean(x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
    """|x_i - y_j|."""
    return squared_distances(x, y).sqrt_()


DISTANCES: dict[str, Kernel] = {"euclidean": euclidean, "manhattan": manhattan}


def kernel_of(name: str, d: int, gamma: float | None = None, degree: int = 3, c: float = 1.0) -> Kernel:
    """The kernel of this name for items of `d` numbers; gamma is 1 / d where nothing else is said."""
    rate = 1.0 / d if gamma is None else gamma
    if not rate > 0.0:
        raise Misuse(f"expected gamma above 0, got {gamma}; leave it out for 1 / (numbers an item)")
    if name == "polynomial" and (degree < 1 or c < 0.0):
        raise Misuse(f"(gamma <x, y> + c)^degree is a Mercer kernel for degree >= 1 and c >= 0; got degree {degree} and c {c:g}")
    every: dict[str, Kernel] = {
        "linear": Linear(), "polynomial": Polynomial(rate, degree, c), "rbf": RBF(rate), "laplace": Laplace(rate),
    }  # fmt: skip
    if name not in every:
        raise Misuse(
            f"unknown kernel {name!r}: expected one of {', '.join(get_args(KernelName))}, or pass a function of two arrays as `own`"
        )
    return every[name]


@dataclass(frozen=True)
class Mercer:
    """What the eigenvalues of a Gram matrix say: its smallest and largest one, and the share of the negative in their absolute sum."""

    smallest: float
    largest: float
    negative: float

    @property
    def holds(self) -> bool:
        """Whether it is positive semi-definite, but for rounding."""
        return self.smallest >= -TOLERANCE * max(abs(self.largest), abs(self.smallest))

    def __str__(self) -> str:
        if self.holds:
            return f"positive semi-definite: eigenvalues from {max(self.smallest, 0.0):.3g} to {self.largest:.3g}"
        return f"not positive semi-definite: eigenvalues from {self.smallest:.3g} to {self.largest:.3g}, {self.negative:.1%} of it negative"


def mercer(K: Float[Tensor, "n n"]) -> Mercer:
    """Whether K can be a table of inner products. Raises `Misuse` when it is not symmetric."""
    apart = float((K - K.T).abs().max())
    if not apart <= TOLERANCE * float(K.abs().max()):
        raise Misuse(f"a kernel is symmetric, k(x, y) = k(y, x); this one differs by up to {apart:.3g}. Pass (k(x, y) + k(y, x)) / 2")
    values = torch.linalg.eigvalsh(K.double())
    total = float(values.abs().sum())
    return Mercer(float(values[0]), float(values[-1]), float(-values.clamp_max(0.0).sum()) / total if total else 0.0)
