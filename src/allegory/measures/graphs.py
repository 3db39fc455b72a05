"""Graphs of neighbours as sparse matrices (n, n): who is near whom, made symmetric and connected, and what is read off them.

An entry (i, j) is a distance or a weight; a distance of 0, between copies, is an entry too.
"""

from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from scipy.sparse.csgraph import connected_components, dijkstra
from torch import Tensor

from allegory.core import Misuse, Problem
from allegory.measures.neighbours import nearest, nearest_of

Graph: TypeAlias = sp.csr_array

SURFACE = 40  # of the items, what the square of a surface's widest level is at most (spheres have 10 to 30, thin sheets less)
BALL = 4096  # items in a ball that is small beside a large surface
FLAT = 2.3  # dimensions


def nearest_graph(x: Float[Tensor, "n d"], k: int) -> Graph:
    """The distances from each item to its k nearest others (all others, where there are fewer)."""
    n = len(x)
    k = min(k, n - 1)
    distances, index = nearest(x, k)
    return _rows(distances.double().cpu().numpy().ravel(), index.cpu().numpy().ravel(), np.arange(0, n * k + 1, k))


def either(graph: sp.sparray) -> Graph:
    """Symmetric: an edge where at least one of the two counts the other among its nearest."""
    n, edges = graph.shape[0], graph.tocoo()
    rows, columns = np.concatenate([edges.row, edges.col]), np.concatenate([edges.col, edges.row])
    _, first = np.unique(rows.astype(np.int64) * n + columns, return_index=True)
    return _of(n, rows[first], columns[first], np.concatenate([edges.data, edges.data])[first])


def _of(n: int, rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> Graph:
    """The graph of these entries. None stands twice, so that zeros are kept."""
    order = np.lexsort((columns, rows))
    start = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    return _rows(values[order], columns[order], start)


def _rows(values: np.ndarray, columns: np.ndarray, starts: np.ndarray) -> Graph:
    """With indices of 32 bits, where they suffice: a product with a vector takes a third of the time."""
    n, kind = len(starts) - 1, np.int32 if len(values) < 2**31 else np.int64
    return sp.csr_array((values, columns.astype(kind), starts.astype(kind)), shape=(n, n))


def joined(graph: Graph, x: Float[Tensor, "n d"]) -> tuple[Graph, int]:
    """A symmetric graph of distances as one piece, and the number of pieces it was in.

    Each piece is joined to what is nearest outside it by the shortest link, until one is left: the links of a minimal spanning tree
    of the pieces (Boruvka 1926).
    """
    count, piece = connected_components(graph, directed=False)
    pieces = count
    while count > 1:
        rows, columns, lengths = (np.array(v) for v in zip(*(_link(x, piece == p) for p in range(count)), strict=True))
        edges = graph.tocoo()
        known = edges.data, (np.concatenate([edges.row, rows]), np.concatenate([edges.col, columns]))
        graph = either(sp.coo_array((np.concatenate([known[0], lengths]), known[1]), shape=graph.shape))
        count, piece = connected_components(graph, directed=False)
    return graph, int(pieces)


def _link(x: Float[Tensor, "n d"], within: np.ndarray) -> tuple[int, int, float]:
    """The two items of the shortest link from a piece to the rest, and its length."""
    inside, outside = np.flatnonzero(within), np.flatnonzero(~within)
    distances, index = nearest_of(x[inside], x[outside], 1)
    best = int(distances[:, 0].argmin())
    return int(inside[best]), int(outside[int(index[best, 0])]), float(distances[best, 0])


def geodesics(graph: Graph, sources: Int[np.ndarray, " m"]) -> Float[np.ndarray, "m n"]:
    """The lengths of the shortest ways along a symmetric graph of distances from some items to all."""
    return dijkstra(graph, directed=True, indices=sources)


def is_surface(graph: Graph) -> bool:
    """Whether a connected graph is like one of neighbours on a surface: levels are lines, so that their squares are like n (a bar's and a
    sphere's in four dimensions outgrow it), and the balls around an item at the rim grow with the square of the steps, or less."""
    sizes = levels(graph)
    held, most = np.cumsum(sizes), min(BALL, graph.shape[0] // 4)
    steps = np.exp(np.interp(np.log([most / 8.0, most]), np.log(held), np.log(np.arange(len(sizes)) + 0.5)))
    return max(sizes) ** 2 <= SURFACE * graph.shape[0] and bool(np.log(8.0) <= FLAT * np.log(steps[1] / steps[0]))


def levels(graph: Graph) -> list[int]:
    """How many items are 0, 1, 2, ... steps from an item at the rim of a connected graph; the rim is what is farthest from the first."""

    def spread(start: int) -> tuple[list[int], int]:
        seen, front, sizes = np.arange(graph.shape[0]) == start, np.array([start]), []
        while len(front):
            sizes.append(len(front))
            last = front
            begin, count = graph.indptr[front], graph.indptr[front + 1] - graph.indptr[front]
            within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
            reached = graph.indices[np.repeat(begin, count) + within]
            front = np.unique(reached[~seen[reached]])
            seen[front] = True
        return sizes, int(last[0])

    return spread(spread(0)[1])[0]


def weighted(graph: Graph, heat: float | None) -> Graph:
    """A graph of distances as one of weights: exp(-d^2 / heat), or 1 for every edge (heat without end)."""
    values = np.ones_like(graph.data) if heat is None else np.exp(-np.square(graph.data) / checked(heat))
    weights = sp.csr_array((values, graph.indices, graph.indptr), shape=graph.shape)
    alone = int((np.asarray(weights.sum(1)).ravel() < np.finfo(np.float64).tiny).sum())
    if alone:
        typical = float(np.median(np.square(graph.data)))
        raise Problem(f"with heat {heat:g}, {alone} of {graph.shape[0]} items have no weight to any neighbour; try {typical:.3g}")
    return weights


def reach(graph: Graph) -> float:
    """The median over items of the squared distance to the farthest of their neighbours: the scale at which a neighbourhood is wide."""
    farthest = np.maximum.reduceat(np.square(graph.data), graph.indptr[:-1])
    found = float(np.median(farthest))
    return found if found > 0.0 else float(max(farthest.max(), 1.0))


def with_itself(weights: Graph) -> Graph:
    """A weight of 1 from every item to itself."""
    return sp.csr_array(weights + sp.eye_array(weights.shape[0]))


def scaled(weights: Graph, s: Float[np.ndarray, " n"]) -> Graph:
    """s_i w_ij s_j."""
    return sp.csr_array(sp.diags_array(s) @ weights @ sp.diags_array(s))


def checked(heat: float) -> float:
    """Raises `Misuse` unless it is above 0."""
    if not heat > 0.0:
        raise Misuse(f"expected a heat above 0, got {heat:g}; leave it out for a default")
    return heat


def shares(distances: Float[Tensor, "b k"], heat: float | None) -> Float[Tensor, "b k"]:
    """The weights of `weighted`, of sum 1; for heat, of the farthest item too some are above 0."""
    return torch.softmax(torch.zeros_like(distances) if heat is None else -distances.square() / heat, 1)


def alarms(pieces: int) -> dict[str, str]:
    """What to say of a graph that was in pieces."""
    said = f"the neighbours were in {pieces} pieces, joined by their shortest links: what is said across them means little; raise k"
    return {"graph in pieces": said} if pieces > 1 else {}


def barycentric(x: Float[Tensor, "b d"], near: Float[Tensor, "b k d"], reg: float = 1e-3) -> Float[Tensor, "b k"]:
    """The weights, of sum 1, by which its neighbours say an item with the least squared error (Roweis and Saul 2000, eq. 1).

    They solve G w = 1 with G_jl = (x - x_j).(x - x_l); `reg` times the trace is added to the diagonal, which G needs where there are
    more neighbours than dimensions.
    """
    apart = near - x[:, None]
    G = apart @ apart.mT
    trace = G.diagonal(dim1=1, dim2=2).sum(1)
    G = G + torch.diag_embed(torch.where(trace > 0, reg * trace, torch.full_like(trace, reg))[:, None].expand(-1, G.shape[1]))
    w = torch.linalg.solve(G, G.new_ones(G.shape[:2]))
    return w / w.sum(1, keepdim=True)
