"""Can relations be read off distances? Ranks and average precision, as for the reconstruction of a graph (Nickel and Kiela 2017, sec. 4.1).

Every item u that has relations is a query, and all others are searched by their distance. A related item v has as its rank one more than
the number of unrelated items that are not farther than v; the other related ones do not count. `mean rank` is 1 at best. The average
precision of u is the mean over its related v of (related items not farther than v) / (all items not farther than v); its mean over queries
is MAP. What is as far as v counts before it, so that a collapsed code gets what it deserves.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Reconstructed:
    """Per query: the sum of the ranks of its related items, how many there are, and the average precision (NaN without relations)."""

    ranks: Float[Tensor, " q"]
    related: Float[Tensor, " q"]
    precision: Float[Tensor, " q"]

    def mean_rank(self, rows: Tensor | slice = slice(None)) -> float:
        """Of all relations of the queries at `rows`."""
        return float(self.ranks[rows].sum() / self.related[rows].sum())

    def mean_precision(self, rows: Tensor | slice = slice(None)) -> float:
        """MAP of the queries at `rows`."""
        return float(self.precision[rows].nanmean())


def reconstructed(distances: Float[Tensor, "q n"], related: Bool[Tensor, "q n"], searched: Bool[Tensor, "q n"]) -> Reconstructed:
    """Of queries with their `distances` to n items; `searched` are those that count at all (not the query itself)."""
    d, order = distances.masked_fill(~searched, torch.inf).sort(1)
    hit = (related & searched).gather(1, order)
    counted = searched.gather(1, order)
    hits, seen = (_up_to(m, d) for m in (hit, counted))
    count = hit.sum(1).double()
    ranks = ((seen - hits + 1.0) * hit).sum(1)
    return Reconstructed(ranks, count, (hits / seen.clamp_min(1.0) * hit).sum(1) / count.where(count > 0, torch.nan))


def _up_to(marked: Bool[Tensor, "q n"], d: Float[Tensor, "q n"]) -> Float[Tensor, "q n"]:
    """How many marked ones are no farther, for each place in an order of rising distances; ties count whole."""
    last = torch.searchsorted(d.contiguous(), d.contiguous(), right=True) - 1
    return marked.cumsum(1).gather(1, last).double()


def direct(relations: Int[Tensor, "m 2"], n: int) -> Int[Tensor, "k 2"]:
    """Of the relations of a hierarchy with those that follow from others, only those that do not: (a node, one next above it)."""
    above = torch.zeros(n, n)
    above[relations[:, 0], relations[:, 1]] = 1.0
    return torch.nonzero((above > 0) & (above @ above == 0))
