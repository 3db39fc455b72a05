r"""The directions in which data vary most, learned from batches: no more than a batch and the answer is ever held.

The covariance $C = \frac{1}{n} \sum_i (x_i - m)(x_i - m)^T$ is gathered in one pass, each batch around its own mean (Chan, Golub and
LeVeque 1983), so that no digits go where the mean is large. Its eigenvectors are then known to rounding. Where it would
be too large, the leading ones are approached by subspace iteration from a random start (Halko, Martinsson and Tropp 2011, algorithm 4.4),
which reads the data once an iteration.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.measures.spectra import oriented

Solver = Literal["auto", "covariance", "gram", "randomised"]
Batches = Callable[[], Iterator[Float[Tensor, "b d"]]]  # the same items in the same order each time

EXACT = 4096  # dimensions, or items, up to which all eigenvectors are computed
HELD = 1 << 28  # numbers of a data set that is held at once
MORE = 16  # directions beside those asked for: the answer is the better, the further the next one falls short
ROUNDS = 7


@dataclass(frozen=True, eq=False)
class Principal:
    """`mean` (d,), the orthonormal `axes` (z, d) of the z largest `variances` (z,), and the variance of all d in `total`; float64.

    The largest entry of each axis is positive: the data say an axis but for its sign.
    """

    mean: Float[Tensor, " d"]
    axes: Float[Tensor, "z d"]
    variances: Float[Tensor, " z"]
    total: Float[Tensor, ""]


def principal(batches: Batches, n: int, d: int, z: int, solver: Solver = "auto") -> Principal:
    """The z directions of n items of d numbers; variances are means over n. z is at most n and d.

    "covariance" takes d^2 numbers and n d^2 products, "gram" holds the items and takes n^2 d products, "randomised" holds (z + 16) d
    numbers, reads the data eight times, and comes near; "auto" is exact where that is possible.
    """
    solve = {"covariance": _by_covariance, "gram": _by_gram, "randomised": _by_sketch}[chosen(n, d) if solver == "auto" else solver]
    found = solve(batches, n, z)
    return Principal(found.mean, oriented(found.axes.T).T, found.variances.clamp_min(0.0), found.total)


def chosen(n: int, d: int) -> Solver:
    """What "auto" stands for."""
    if d <= min(n, EXACT):
        return "covariance"
    return "gram" if n <= EXACT and n * d <= HELD else "randomised"


def covariance(batches: Batches) -> tuple[Float[Tensor, " d"], Float[Tensor, "d d"]]:
    """The mean and the covariance (over n), in one pass."""
    mean, C, seen = torch.zeros(()), torch.zeros(()), 0
    for x in batches():
        x = x.double()
        if not seen:
            mean, C = x.new_zeros(x.shape[1]), x.new_zeros(x.shape[1], x.shape[1])
        own = x.mean(0)
        step, seen = own - mean, seen + len(x)
        x = x - own
        C.add_(_square(x)).addr_(step, step, alpha=(seen - len(x)) * len(x) / seen)
        mean += step * (len(x) / seen)
    return mean, C / seen


def _square(x: Float[Tensor, "b d"]) -> Float[Tensor, "d d"]:
    """x^T x. On the CPU by numpy, which sees that it is symmetric and makes half of it."""
    return torch.as_tensor(x.numpy().T @ x.numpy()) if x.device.type == "cpu" else x.T @ x


def _by_covariance(batches: Batches, n: int, z: int) -> Principal:
    del n
    mean, C = covariance(batches)
    values, vectors = torch.linalg.eigh(C)
    return Principal(mean, vectors.flip(1)[:, :z].T, values.flip(0)[:z], C.trace())


def _by_gram(batches: Batches, n: int, z: int) -> Principal:
    """The right singular vectors of the centred items, which are as good as the eigenvectors of either product and lose fewer digits."""
    x = torch.cat([x.double() for x in batches()])
    mean = x.mean(0)
    _, s, vt = torch.linalg.svd(x - mean, full_matrices=False)
    return Principal(mean, vt[:z], s[:z].square() / n, s.square().sum() / n)


def _by_sketch(batches: Batches, n: int, z: int) -> Principal:
    first = [x.double().sum(0) / n for x in batches()]
    mean = torch.stack(first).sum(0)
    V = torch.as_tensor(np.random.default_rng(0).standard_normal((len(mean), min(z + MORE, n, len(mean))))).to(mean)
    for _ in range(ROUNDS):
        V = torch.linalg.qr(V)[0]
        CV, total = _applied(batches, mean, V, n)
        last, V = V, CV
    values, turn = torch.linalg.eigh(last.T @ CV)  # Rayleigh and Ritz: the best directions of the last subspace
    return Principal(mean, (last @ turn).flip(1)[:, :z].T, values.flip(0)[:z], total)


def _applied(batches: Batches, mean: Tensor, V: Float[Tensor, "d l"], n: int) -> tuple[Float[Tensor, "d l"], Float[Tensor, ""]]:
    """The covariance times `V`, and its trace, without the covariance."""
    CV, total = torch.zeros_like(V), mean.new_zeros(())
    for batch in batches():
        x = batch.double() - mean
        CV.addmm_(x.T, x @ V, alpha=1 / n)
        total += x.square().sum() / n
    return CV, total
