"""Exact search in blocks of rows: `measures.shortlist` says which pairs may matter, and these are measured in float64, by differences.

Every number of the answer comes from the difference of two given rows, summed coordinate by coordinate in a fixed order, and nothing that
may matter is passed over: so the answer is the same bit for bit however many threads there are, in whatever order blocks and items come.
"""

import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from allegory.measures.dealing import Deal, dealing
from allegory.measures.shortlist import LEAF, Base, Stages, prepared

WIDE = 4  # leaves in one matrix product
ASKING = 1 << 16  # queries whose columns are held at once
MOST_PAIRS = 1 << 22  # held for a block of rows before the k best are picked; 84 MB
CHUNK_NUMBERS = 1 << 17  # in float64, so that a chunk stays in the cache of one core


@dataclass(frozen=True)
class Pairs:
    """Which row of a block with which item (its place in the base), and the sum of the stages."""

    row: Int[Tensor, " p"]
    place: Int[Tensor, " p"]
    value: Float[Tensor, " p"]

    def __getitem__(self, which: Int[Tensor, " m"] | Bool[Tensor, " p"]) -> "Pairs":
        return Pairs(self.row[which], self.place[which], self.value[which])

    @staticmethod
    def joined(parts: "list[Pairs]") -> "Pairs":
        return Pairs(torch.cat([p.row for p in parts]), torch.cat([p.place for p in parts]), torch.cat([p.value for p in parts]))


@dataclass(frozen=True)
class Block:
    """Some queries that lie together. `own` are their places in the base when they are items of it, which nobody is a neighbour of."""

    rows: Int[Tensor, " b"]
    own: Int[Tensor, " b"] | None
    centre: Float[Tensor, " d"]


@dataclass(frozen=True)
class Tally:
    """How the work went: pairs of all, pairs after the first stage, pairs measured in float64, rows that needed picking more than once."""

    pairs: int = 0
    asked: int = 0
    measured: int = 0
    again: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.pairs + other.pairs, self.asked + other.asked, self.measured + other.measured, self.again + other.again)


@dataclass(frozen=True)
class Search:
    """`x`: the queries, whose columns are `stages`; `z`: the items of `base`."""

    x: Float[Tensor, "m d"]
    z: Float[Tensor, "n d"]
    base: Base
    stages: Stages
    k: int

    def block(self, block: Block) -> tuple[Float[Tensor, "b k"], Int[Tensor, "b k"], Tally]:
        """The squared distances to the k nearest items, in the unit of `Frame.gauge`, nearest first, and their numbers."""
        base, frame = self.base, self.base.frame
        sides, square = self.stages.left(block.rows), self.stages.square[block.rows]
        near = base.near(block.centre, self.k)
        places = base.items(near)
        product = sides[0] @ base.stages.right[0][places].T
        for side, right in zip(sides[1:], base.stages.right[1:], strict=True):
            product.addmm_(side, right[places].T)
        # the item itself is among its near ones, and as it is the nearest, one more makes up for it
        rank = self.k + (block.own is not None)
        least = (product - (1.5 * frame.kappa * base.stages.square[places]).to(product.dtype)).topk(rank, dim=1).values[:, -1]
        tau = self._above(least, square)
        within = frame.raised(tau)
        product += 0.5 * within.to(product.dtype)[:, None]
        found = [self._others(_pairs(product, places), block)]
        tally = Tally(pairs=len(block.rows) * len(base.order))
        for start, end in self._reached(block, near, tau):
            sides[0][:, -1] = (0.5 * (within - (1.0 - frame.kappa) * square)).to(product.dtype)
            part = _pairs(sides[0] @ base.stages.right[0][start:end].T, None)
            tally += Tally(asked=len(part.row))
            found.append(self._others(self._staged(part, sides, start, end), block))
            if sum(len(p.row) for p in found) > max(MOST_PAIRS, 2 * square.numel() * self.k):
                best, _, exact, measured = self._picked(Pairs.joined(found), block, within, square)
                lower = frame.raised((exact[:, -1].sqrt() * (frame.scale / frame.gauge)).square())
                found = [replace(best, value=best.value + 0.5 * (lower - within).to(best.value.dtype)[best.row])]
                within, tally = lower, tally + Tally(measured=measured, again=len(block.rows))
        _, numbers, exact, measured = self._picked(Pairs.joined(found), block, within, square)
        return exact, numbers, tally + Tally(measured=measured)

    def _above(self, value: Float[Tensor, " b"], square: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
        """A square, in the units of w, that is above the true one: from a sum of all stages with tau = 0, less 1.5 kappa |w_j|^2."""
        frame = self.base.frame
        return (-2.0 * (1.0 + 2.0 * frame.off) * value.double() + 3.0 * frame.kappa * square).clamp_min(0.0)

    def _others(self, pairs: Pairs, block: Block) -> Pairs:
        return pairs if block.own is None else pairs[block.own[pairs.row] != pairs.place]

    def _reached(self, block: Block, near: Int[Tensor, " h"], tau: Float[Tensor, " b"]) -> Iterator[tuple[int, int]]:
        """Runs of places, of some leaves each, that are not near and whose balls reach into that of some query."""
        base = self.base
        w = self.stages.coordinates(block.rows)
        radius = (w - block.centre).square().sum(1).max().sqrt()
        slack = 1e-9 + 4.0 * base.frame.off
        apart = (base.centres - block.centre).square().sum(1).sqrt()
        far = 1.0 + radius + base.radii + base.centres.square().sum(1).sqrt()
        touched = apart - radius - base.radii <= tau.max().sqrt() + slack * far
        touched[near] = False
        leaves = touched.nonzero()[:, 0]
        if len(leaves):
            centres = base.centres[leaves]
            between = w.square().sum(1)[:, None] + centres.square().sum(1) - 2.0 * w @ centres.T
            lengths = w.square().sum(1)[:, None] + centres.square().sum(1)
            gap = (between - 1e-11 * lengths).clamp_min(0.0).sqrt() - base.radii[leaves] - tau.sqrt()[:, None]
            leaves = leaves[(gap <= slack * (lengths.sqrt() + base.radii[leaves])).any(0)]
        waiting: list[int] = []
        for leaf in leaves.tolist():
            if waiting and (leaf != waiting[-1] + 1 or len(waiting) == WIDE):
                yield base.starts[waiting[0]], base.starts[waiting[-1] + 1]
                waiting = []
            waiting.append(leaf)
        if waiting:
            yield base.starts[waiting[0]], base.starts[waiting[-1] + 1]

    def _staged(self, pairs: Pairs, sides: list[Tensor], start: int, end: int) -> Pairs:
        """What the later stages leave of the pairs with the items from `start`; places then count from 0."""
        for side, right in zip(sides[1:], self.base.stages.right[1:], strict=True):
            if not len(pairs.row):
                break
            value = pairs.value + products(side, right[start:end], pairs.row, pairs.place)
            pairs = replace(pairs, value=value)[value >= 0.0]
        return replace(pairs, place=pairs.place + start)

    def _picked(
        self, pairs: Pairs, block: Block, within: Float[Tensor, " b"], square: Float[Tensor, " b"]
    ) -> tuple[Pairs, Int[Tensor, "b k"], Float[Tensor, "b k"], int]:
        """The k best of each row: as pairs, by number, their squared distances; and how many were measured."""
        frame, b = self.base.frame, len(block.rows)
        least = pairs.value.double() - 0.5 * within[pairs.row] - 1.5 * frame.kappa * self.base.stages.square[pairs.place]
        last = ranked(pairs.row, -least, pairs.place, self.k, b)[:, -1]
        closer = frame.raised(self._above(least[last], square))
        pairs = pairs[pairs.value.double() + 0.5 * (closer - within)[pairs.row] >= 0.0]
        numbers = self.base.order[pairs.place]
        asking = block.rows if block.own is None else self.base.order[block.own]
        exact = squares(self.x, self.z, asking[pairs.row], numbers, frame.gauge)
        best = ranked(pairs.row, exact, numbers, self.k, b)
        return pairs[best.reshape(-1)], numbers[best], exact[best], len(exact)


def _pairs(product: Float[Tensor, "b m"], places: Int[Tensor, " m"] | None) -> Pairs:
    """Where a product is not below 0. numpy looks through them several times faster than torch does."""
    flat = product.reshape(-1)
    cpu = product.device.type == "cpu"
    at = torch.from_numpy(np.flatnonzero(flat.numpy() >= 0.0)) if cpu else (flat >= 0.0).nonzero()[:, 0]
    column = at % product.shape[1]
    return Pairs(at // product.shape[1], column if places is None else places[column], flat[at])


def products(a: Float[Tensor, "b s"], b: Float[Tensor, "m s"], row: Int[Tensor, " p"], column: Int[Tensor, " p"]) -> Float[Tensor, " p"]:
    """a[row] . b[column], rows in order."""
    if a.device.type == "cpu":
        starts = torch.searchsorted(row, torch.arange(len(a) + 1))
        pattern = torch.sparse_csr_tensor(starts, column, torch.zeros(len(row), dtype=a.dtype), (len(a), len(b)), check_invariants=False)
        return torch.sparse.sampled_addmm(pattern, a, b.T, beta=0.0).values()
    found = [(a[i] * b[j]).sum(1) for i, j in zip(*_chunks(row, column, a.shape[1], a.device), strict=True)]
    return torch.cat(found)


def squares(
    x: Float[Tensor, "m d"], z: Float[Tensor, "n d"], row: Int[Tensor, " p"], column: Int[Tensor, " p"], gauge: float = 1.0
) -> Float[Tensor, " p"]:
    """|gauge (x[row] - z[column])|^2 in float64."""
    found = []
    for i, j in zip(*_chunks(row, column, x.shape[1], x.device), strict=True):
        apart = x[i].double() - z[j]
        found.append((apart if gauge == 1.0 else apart * gauge).square_().sum(1))
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64, device=x.device)


def _chunks(row: Tensor, column: Tensor, width: int, device: torch.device) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    size = max(1, (CHUNK_NUMBERS if device.type == "cpu" else 64 * CHUNK_NUMBERS) // max(1, width))
    return row.split(size), column.split(size)


def ranked(row: Int[Tensor, " p"], key: Float[Tensor, " p"], tie: Int[Tensor, " p"], k: int, rows: int) -> Int[Tensor, "b k"]:
    """Where the k smallest of each row are, the smallest first, ties by `tie`. Every row must have k."""
    order = tie.argsort(stable=True)
    order = order[key[order].argsort(stable=True)]
    order = order[row[order].argsort(stable=True)]
    starts = torch.searchsorted(row[order], torch.arange(rows, device=row.device))
    return order[starts[:, None] + torch.arange(k, device=row.device)]


def blocks_of(base: Base, stages: Stages | None, m: int) -> list[Block]:
    """The leaves themselves when the items ask, else queries by the leaf whose centre is nearest."""
    if stages is None:
        places = [torch.arange(a, b, device=base.order.device) for a, b in itertools.pairwise(base.starts)]
        return [Block(p, p, centre) for p, centre in zip(places, base.centres, strict=True)]
    leaf = torch.cat([
        torch.cdist(stages.coordinates(rows), base.centres).argmin(1) for rows in torch.arange(m, device=base.order.device).split(4096)
    ])  # fmt: skip
    order, counts = leaf.argsort(stable=True), leaf.bincount(minlength=len(base.centres)).tolist()
    parts = [part for rows in order.split(counts) for part in rows.split(LEAF) if len(rows)]
    return [Block(p, None, stages.coordinates(p).mean(0)) for p in parts]


def search(x: Float[Tensor, "m d"] | None, z: Float[Tensor, "n d"], k: int) -> tuple[Float[Tensor, "m k"], Int[Tensor, "m k"], Tally]:
    """The distances of queries (None: of the items themselves, and then to others) to their k nearest items, which these are, and how it
    went. Two items that are the same count as two, which is slow where there are many: see `neighbours.nearest`."""
    with dealing(z.device) as deal, torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        base = prepared(z, k, x, deal)
        if x is None:
            return answered(Search(z, z, base, base.stages, k), leaves_of(base), base.order, deal)
        found = []
        for part in x.split(ASKING):
            stages = Stages.of(base.frame(part, deal), base.ends, base.frame.kappa)
            everyone = torch.arange(len(part), device=z.device)
            found.append(answered(Search(part, z, base, stages, k), grouped(base, stages), everyone, deal))
    distances, numbers, tallies = zip(*found, strict=True)
    return torch.cat(distances), torch.cat(numbers), sum(tallies, Tally())


def answered(
    search: Search, blocks: list[Block], names: Int[Tensor, " m"], deal: Deal
) -> tuple[Float[Tensor, "m k"], Int[Tensor, "m k"], Tally]:
    """Does all blocks; `names` says which query each of their rows is."""
    distances = torch.empty(len(names), search.k, dtype=torch.float64, device=names.device)
    numbers = torch.empty(len(names), search.k, dtype=torch.int64, device=names.device)
    tallies = []

    def work(block: Block) -> None:
        exact, near, tally = search.block(block)
        rows = names[block.rows]
        distances[rows], numbers[rows] = exact.sqrt() / search.base.frame.gauge, near
        tallies.append(tally)

    deal(blocks, work)
    return distances, numbers, sum(tallies, Tally())


def leaves_of(base: Base) -> list[Block]:
    """The items themselves ask, leaf by leaf."""
    places = [torch.arange(a, b, device=base.order.device) for a, b in itertools.pairwise(base.starts)]
    return [Block(p, p, centre) for p, centre in zip(places, base.centres, strict=True)]


def grouped(base: Base, stages: Stages) -> list[Block]:
    """Queries by the leaf whose centre is nearest."""
    everyone = torch.arange(len(stages.square), device=base.order.device)
    leaf = torch.cat([torch.cdist(stages.coordinates(rows), base.centres).argmin(1) for rows in everyone.split(LEAF)])
    together = leaf.argsort(stable=True).split(leaf.bincount(minlength=len(base.centres)).tolist())
    parts = [part for rows in together for part in rows.split(LEAF) if len(part)]
    return [Block(p, None, stages.coordinates(p).mean(0)) for p in parts]
