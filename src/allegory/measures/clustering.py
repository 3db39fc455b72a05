"""Do clusters agree with classes? NMI, AMI and pairwise F1 of two labellings, and the k-means that makes clusters of codes.

All three are made from the table of counts n_ij of items of class i in cluster j, with sums a_i and b_j; logarithms are natural.
- NMI = I / ((H(classes) + H(clusters)) / 2), the arithmetic mean (scikit-learn's default; others divide by the root or the maximum).
  It grows with the number of clusters whatever they are worth.
- AMI = (I - E[I]) / ((H + H) / 2 - E[I]), 0 in expectation for clusters that know nothing (Vinh, Epps and Bailey 2010, equation 24a
  for E[I], the expectation over all tables with the same sums).
- pairwise F1: of the pairs of items in one cluster, precision is the share of one class, recall the other way round; F1 is their
  harmonic mean. (Musgrave et al. 2020 report another F1, by cluster centres.)
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.special import gammaln
from torch import Tensor

Labels = Int[Tensor, " n"]
STEPS = 100  # of k-means, at most
SETTLED = 1e-4
POINTS = 256  # items a cluster that its centres are learned from, at most
SPREAD = 32  # items a cluster among which its first centre is chosen, at most: they fit into the cache
TAIL = 12.0  # standard deviations of a count, beyond which its probability is below rounding


@dataclass(frozen=True, eq=False)
class Contingency:
    """n_ij of the cells that are not empty, at row i and column j; a_i and b_j of the groups that are not empty."""

    count: Float[np.ndarray, " c"]
    row: Int[np.ndarray, " c"]
    column: Int[np.ndarray, " c"]
    a: Float[np.ndarray, " i"]
    b: Float[np.ndarray, " j"]

    @staticmethod
    def of(classes: Labels, clusters: Labels) -> "Contingency":
        """Labels are any integers."""
        rows, columns = (_numbered(labels.numpy()) for labels in (classes, clusters))
        width = int(columns.max()) + 1
        cells = rows * width + columns
        if (int(rows.max()) + 1) * width <= 4 * len(cells):
            table = np.bincount(cells)
            at = np.flatnonzero(table)
            count = table[at]
        else:
            at, count = np.unique(cells, return_counts=True)
        a, b = np.bincount(rows).astype(np.float64), np.bincount(columns).astype(np.float64)
        present_a, present_b = a > 0, b > 0
        row, column = (np.cumsum(present_a) - 1)[at // width], (np.cumsum(present_b) - 1)[at % width]
        return Contingency(count.astype(np.float64), row, column, a[present_a], b[present_b])


def _numbered(labels: np.ndarray) -> np.ndarray:
    """The same labels as small numbers from 0."""
    if labels.min() >= 0 and labels.max() < 4 * len(labels):
        return labels
    return np.unique(labels, return_inverse=True)[1]


def nmi(classes: Labels, clusters: Labels) -> float:
    """Normalised mutual information, in [0, 1]; 1 when both labellings have one group only, and so agree."""
    table = Contingency.of(classes, clusters)
    if len(table.a) == len(table.b) == 1:
        return 1.0
    return max(0.0, mutual_information(table) / ((entropy(table.a) + entropy(table.b)) / 2))


def ami(classes: Labels, clusters: Labels) -> float:
    """Adjusted mutual information: 1 for equal partitions, 0 in expectation by chance, below 0 when worse."""
    table = Contingency.of(classes, clusters)
    a, b = table.a, table.b
    if len(a) == len(b) and len(a) in (1, int(a.sum())):
        return 1.0  # one group in both, or every item its own in both: equal partitions, and the formula is 0 / 0
    expected = expected_mutual_information(a, b)
    above, room = mutual_information(table) - expected, (entropy(a) + entropy(b)) / 2 - expected
    return above / room if abs(room) > np.finfo(float).eps else 0.0


def pairwise_f1(classes: Labels, clusters: Labels) -> float:
    """F1 of "in one cluster" as an answer to "of one class", over all pairs of items; 1 when there is no pair of either kind."""
    table = Contingency.of(classes, clusters)
    both, of_class, of_cluster = (pairs(counts) for counts in (table.count, table.a, table.b))
    return 2 * both / (of_class + of_cluster) if of_class + of_cluster else 1.0


def pairs(counts: np.ndarray) -> float:
    """How many pairs lie within groups of these sizes."""
    return float((counts * (counts - 1)).sum() / 2)


def entropy(counts: np.ndarray) -> float:
    """In nats, of groups of these sizes."""
    p = counts / counts.sum()
    return float(-(p * np.log(p)).sum())


def mutual_information(table: Contingency) -> float:
    """In nats, of a table of counts."""
    n = table.a.sum()
    ratio = n * table.count / (table.a[table.row] * table.b[table.column])
    return float((table.count / n * np.log(ratio)).sum())


def expected_mutual_information(a: Float[np.ndarray, " i"], b: Float[np.ndarray, " j"]) -> float:
    """E[I] in nats over all tables with row sums `a` and column sums `b`: each count is hypergeometric (Vinh et al. 2010, eq. 24a).

    Equal sums are summed once; counts whose probability is below rounding are left out.
    """
    n = a.sum()
    (rows, times_a), (columns, times_b) = (np.unique(s, return_counts=True) for s in (a, b))
    x, y = (m.ravel() for m in np.meshgrid(rows, columns, indexing="ij"))
    mean = x * y / n
    spread = TAIL * np.sqrt(mean * (1 - x / n) * (n - y) / max(n - 1, 1)) + TAIL**2 / 2
    low = np.maximum(np.maximum(1, x + y - n), np.floor(mean - spread))
    length = (np.minimum(np.minimum(x, y), np.ceil(mean + spread)) - low + 1).clip(0).astype(np.int64)
    of = np.repeat(np.arange(len(x)), length)
    k = low[of] + np.arange(len(of)) - np.repeat(np.cumsum(length) - length, length)
    log = gammaln(np.arange(n + 1) + 1)  # log of the factorials
    x_, y_, n_ = x.astype(np.int64), y.astype(np.int64), int(n)
    whole = log[x_] + log[y_] + log[n_ - x_] + log[n_ - y_] - log[n_]
    c = k.astype(np.int64)
    log_p = whole[of] - log[c] - log[x_[of] - c] - log[y_[of] - c] - log[n_ - x_[of] - y_[of] + c]
    terms = k / n * (np.log(n * k) - np.log(x * y)[of]) * np.exp(log_p)
    by_pair = np.bincount(of, terms, minlength=len(x))
    return float(by_pair @ np.outer(times_a, times_b).ravel())


def kmeans(z: Float[Tensor, "n z"], k: int, rng: np.random.Generator, starts: int = 10) -> Float[Tensor, "k z"]:
    """The centres of k clusters: Lloyd's steps (1982) from k-means++ (Arthur and Vassilvitskii 2007), at most 100.

    Of `starts` starts the one with the smallest sum of squared distances is taken. At most 256 items a cluster are learned from (and 32
    started from), drawn at random, as in public similarity-search libraries. Never more centres than items; a cluster that loses its
    items takes the item farthest from its centre.
    """
    k = min(k, len(z))
    mean = z.mean(0)  # without it squares lose digits
    z = z - mean
    learned = _drawn(z, POINTS * k, rng)
    found = [_lloyd(learned, _spread(_drawn(learned, SPREAD * k, rng), k, rng)) for _ in range(starts)]
    return min(found, key=lambda one: one[0])[1] + mean


def settled(z: Float[Tensor, "n z"], centres: Float[Tensor, "k z"]) -> Float[Tensor, "k z"]:
    """Centres that Lloyd's steps over all items end in, from given ones; at most 100 steps."""
    mean = z.mean(0)
    return _lloyd(z - mean, centres - mean)[1] + mean


def assigned(z: Float[Tensor, "n z"], centres: Float[Tensor, "k z"]) -> Int[Tensor, " n"]:
    """The number of the nearest centre of every item."""
    mean = centres.mean(0)
    return _squared(z - mean, centres - mean).argmin(1)


def _drawn(z: Float[Tensor, "n z"], most: int, rng: np.random.Generator) -> Float[Tensor, "m z"]:
    """At most so many items, at random, in order."""
    return z if len(z) <= most else z[torch.as_tensor(np.sort(rng.choice(len(z), most, replace=False)))]


def _spread(z: Tensor, k: int, rng: np.random.Generator) -> Float[Tensor, "k z"]:
    """k-means++: each next centre is an item drawn in proportion to its squared distance to the nearest centre so far."""
    length = z.square().sum(1)
    chosen = [int(rng.integers(len(z)))]
    nearest = torch.full_like(length, float("inf"))
    for _ in range(k - 1):
        c = z[chosen[-1]]
        nearest = torch.minimum(nearest, (length + c @ c - 2.0 * (z @ c)).clamp_min_(0.0))
        mass = nearest.cumsum(0, dtype=torch.float64)
        at = int(torch.searchsorted(mass, float(rng.uniform()) * mass[-1], right=True))
        chosen.append(min(at, len(z) - 1))
    return z[chosen]


def _lloyd(z: Tensor, centres: Tensor) -> tuple[float, Tensor]:
    """The sum of squared distances and the centres, when a step lowers the sum by less than a ten-thousandth, or after 100 steps."""
    length = z.square().sum(1)
    before = float("inf")
    for _ in range(STEPS):
        nearest, own = _squared(z, centres).min(1)
        nearest += length
        total = float(nearest.sum(dtype=torch.float64))
        if total > before * (1.0 - SETTLED):
            break
        before = total
        size = torch.bincount(own, minlength=len(centres))
        centres = torch.zeros_like(centres).index_add_(0, own, z) / size.clamp_min(1)[:, None]
        if empty := (size == 0).nonzero().flatten().tolist():
            centres[empty] = z[nearest.topk(len(empty)).indices]
    return before, centres


def _squared(z: Tensor, centres: Tensor) -> Float[Tensor, "n k"]:
    """|z - c|^2 - |z|^2."""
    return torch.addmm(centres.square().sum(1), z, centres.T, alpha=-2)
