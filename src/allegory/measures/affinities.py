"""How near is near? Weights on the edges of a graph of nearest neighbours, of which neighbour embeddings are made.

An affinity is a value: it says how many neighbours of n items it looks at (`neighbours`), what they weigh as seen from one end of an edge
(`seen`, rows of weights for rows of distances), and what an edge weighs when both ends have spoken (`joined`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from torch import Tensor

BLOCK = 8192
HALVINGS = 60  # of an interval of 60 nats: a width of 5e-17
LEAST_SHARE = 1e-3  # of the mean distance: no item's own scale is smaller (McInnes et al.'s code; the paper is silent)


@dataclass(frozen=True, eq=False)
class Edges:
    """A symmetric weighted graph on n items: edge e goes from `i[e]` to `j[e]`, both ways, ordered by (i, j)."""

    n: int
    i: Int[Tensor, " e"]
    j: Int[Tensor, " e"]
    w: Float[Tensor, " e"]


@runtime_checkable
class Affinity(Protocol):
    """What neighbours weigh."""

    def neighbours(self, n: int) -> int:
        """How many of n items are looked at from each."""
        ...

    def seen(self, far: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """Weights as seen from the items, for the distances to their neighbours, nearest first."""
        ...

    def joined(self, seen: Float[Tensor, "n k"], near: Int[Tensor, "n k"]) -> Edges:
        """Weights of edges, as both ends agree on them."""
        ...


@dataclass(frozen=True)
class Perplexity:
    """Gaussians p(j|i) ~ exp(-beta_i |x_i - x_j|^2) with exp(entropy of p(.|i)) = `perplexity`, over three times as many neighbours
    (van der Maaten and Hinton 2008, equation 1; van der Maaten 2014, equation 6). Edges weigh (p(j|i) + p(i|j)) / 2n. Of few items the
    perplexity is a third."""

    perplexity: float = 30.0

    def neighbours(self, n: int) -> int:
        return max(1, min(math.ceil(3.0 * self.perplexity), n - 1))

    def seen(self, far: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        k = far.shape[1]
        aim = math.log(max(1.0, min(self.perplexity, k / 3.0)))
        return _by_rows(lambda rows: _gaussian(rows, aim), far)

    def joined(self, seen: Float[Tensor, "n k"], near: Int[Tensor, "n k"]) -> Edges:
        return averaged(seen, near)


@dataclass(frozen=True)
class Uniform:
    """All `k` neighbours alike: what t-SNE needs of its graph (Boehm, Berens and Kobak 2022). Edges weigh as those of
    `Perplexity`."""

    k: int = 15

    def neighbours(self, n: int) -> int:
        return max(1, min(self.k, n - 1))

    def seen(self, far: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        return torch.full_like(far, 1.0 / far.shape[1])

    def joined(self, seen: Float[Tensor, "n k"], near: Int[Tensor, "n k"]) -> Edges:
        return averaged(seen, near)


@dataclass(frozen=True)
class Fuzzy:
    """Memberships exp(-max(0, d - rho_i) / sigma_i), rho_i the distance to the nearest other place and sigma_i so that they sum to
    log2 `k` (McInnes, Healy and Melville 2018, algorithm 3). The item itself counts as one of the k. Edges weigh a + b - ab."""

    k: int = 15

    def neighbours(self, n: int) -> int:
        return max(1, min(self.k - 1, n - 1))

    def seen(self, far: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        aim = math.log2(far.shape[1] + 1)
        return _by_rows(lambda rows: _memberships(rows, aim), far)

    def joined(self, seen: Float[Tensor, "n k"], near: Int[Tensor, "n k"]) -> Edges:
        a = _directed(seen, near)
        b = a.T.tocsr()
        return _edges(a + b - a.multiply(b), seen)


def averaged(seen: Float[Tensor, "n k"], near: Int[Tensor, "n k"]) -> Edges:
    """(p(j|i) + p(i|j)) / 2n, which sum to 1 (van der Maaten and Hinton 2008, section 3.1)."""
    a = _directed(seen, near)
    return _edges((a + a.T.tocsr()) / (2.0 * len(seen)), seen)


def _gaussian(far: Float[Tensor, "n k"], aim: float) -> Float[Tensor, "n k"]:
    square = far.square()
    square = square - square[:, :1]  # nearest first: no exponential exceeds 1
    square = square / square.mean(1, keepdim=True).clamp_min(torch.finfo(far.dtype).tiny)

    def too_wide(log_beta: Float[Tensor, "n 1"]) -> Tensor:
        beta = log_beta.exp()
        e = (-beta * square).exp()
        total = e.sum(1, keepdim=True)
        return total.log() + beta * (e * square).sum(1, keepdim=True) / total > aim

    e = (-_halved(too_wide, far).exp() * square).exp()
    return e / e.sum(1, keepdim=True)


def _memberships(far: Float[Tensor, "n k"], aim: float) -> Float[Tensor, "n k"]:
    rho = torch.where(far > 0.0, far, math.inf).amin(1, keepdim=True)
    rho = torch.where(rho.isinf(), 0.0, rho)
    beyond = (far - rho).clamp_min(0.0)
    mean = (far.sum(1, keepdim=True) / (far.shape[1] + 1)).clamp_min(torch.finfo(far.dtype).tiny)
    log_rate = _halved(lambda log_rate: (-log_rate.exp() * (beyond / mean)).exp().sum(1, keepdim=True) > aim, far)
    sigma = mean * (-log_rate).exp().clamp_min(LEAST_SHARE)
    return (-beyond / sigma).exp()


def _halved(too_small: Callable[[Tensor], Tensor], rows: Float[Tensor, "n k"]) -> Float[Tensor, "n 1"]:
    """The logarithm at which `too_small` turns false, for each row, between -30 and 30."""
    low = rows.new_full((len(rows), 1), -30.0)
    high = -low
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        up = too_small(middle)
        low, high = torch.where(up, middle, low), torch.where(up, high, middle)
    return (low + high) / 2.0


def _by_rows(f: Callable[[Tensor], Tensor], far: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """In float64, a block of rows at a time, so that it stays in the cache."""
    return torch.cat([f(rows.double()).to(far.dtype) for rows in far.split(BLOCK)])


def _directed(seen: Float[Tensor, "n k"], near: Int[Tensor, "n k"]) -> sparse.csr_matrix:
    n, k = near.shape
    ends = (seen.double().cpu().numpy().ravel(), near.cpu().numpy().ravel(), np.arange(0, n * k + 1, k))
    return sparse.csr_matrix(ends, shape=(n, n))


def _edges(whole: sparse.csr_matrix, like: Tensor) -> Edges:
    whole = whole.tocsr()
    whole.sum_duplicates()
    whole.eliminate_zeros()
    i = np.repeat(np.arange(whole.shape[0]), np.diff(whole.indptr))
    put = lambda values: torch.as_tensor(values, device=like.device)
    return Edges(whole.shape[0], put(i), put(whole.indices.astype(np.int64)), put(whole.data).to(like.dtype))
