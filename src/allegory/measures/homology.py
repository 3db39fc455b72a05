"""Has the cloud holes? Persistent homology of a Vietoris-Rips filtration: pieces (H0) and loops (H1), over Z/2.

At scale t all items closer than t are joined, and all triangles of joined items are filled. A piece dies when it is joined to an older
one: these are the edges of the minimum spanning tree. A loop is born with the edge that closes it and dies with the triangle that fills
it. Long bars, death far above birth, are shape; short ones are sampling.

H1 is reduced as cohomology (de Silva, Morozov and Vejdemo-Johansson 2011), with three things that make it fast, as in Ripser (Bauer 2021,
arXiv:1908.02518): edges that kill a piece are cleared; an edge that is the longest of its first triangle is paired with that without any
work; and nothing happens beyond the enclosing radius, where one item is joined to all. Time and memory are some m^3 for m items, so
loops are sought among `landmarks`, a few hundred at most.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist

Bars = Float[np.ndarray, "_ 2"]


def landmarks(z: Float[np.ndarray, "n d"], m: int, start: int = 0) -> Int[np.ndarray, " q"]:
    """Up to m items far from each other: each next one is the farthest from those before (max-min; Gonzalez 1985), from item `start`.

    Fewer than m when there are fewer different items. Distances beyond the last one's are coarser than the cloud: every item lies within
    that radius of a landmark.
    """
    z = z - z.mean(0)
    square = (z * z).sum(1)
    chosen, nearest = [start], np.full(len(z), np.inf)
    while len(chosen) < m:
        last = chosen[-1]
        np.minimum(nearest, square + square[last] - 2.0 * (z @ z[last]), out=nearest)
        nearest[last] = 0.0
        farthest = int(nearest.argmax())
        if nearest[farthest] <= 1e-12 * square.max():
            break
        chosen.append(farthest)
    return np.array(chosen)


def bars(z: Float[np.ndarray, "m d"]) -> tuple[Bars, Bars]:
    """(birth, death) of the pieces and of the loops of the cloud, longest life first; bars of no length are left out.

    The one piece that never dies is left out too, so m items apart give m - 1 pieces, born at 0.
    """
    return bars_of_distances(cdist(z, z))


def bars_of_distances(distances: Float[np.ndarray, "m m"]) -> tuple[Bars, Bars]:
    """`bars` of any symmetric matrix of distances with a zero diagonal."""
    m = len(distances)
    if m < 2:
        return np.zeros((0, 2)), np.zeros((0, 2))
    a, b = np.triu_indices(m, 1)
    order = np.argsort(distances[a, b], kind="stable")
    edges = np.stack([a[order], b[order]], 1)
    lengths = distances[edges[:, 0], edges[:, 1]]
    joining = _spanning(edges, m)
    pieces = np.stack([np.zeros(m - 1), lengths[joining]], 1)
    return _longest_first(pieces), _longest_first(_loops(distances, edges, lengths, joining))


def _longest_first(found: Bars) -> Bars:
    life = found[:, 1] - found[:, 0]
    return found[np.argsort(-life, kind="stable")][: int((life > 0).sum())]


def _spanning(edges: Int[np.ndarray, "e 2"], m: int) -> Int[np.ndarray, " q"]:
    """The edges, shortest first, that join two pieces (Kruskal 1956)."""
    root = list(range(m))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    joining = []
    for number, (a, b) in enumerate(edges.tolist()):
        a, b = find(a), find(b)
        if a != b:
            root[b] = a
            joining.append(number)
    return np.array(joining)


def _loops(distances: np.ndarray, edges: np.ndarray, lengths: np.ndarray, joining: np.ndarray) -> Bars:
    """Birth and death of every loop; those of no length that need no work are not among them."""
    radius = distances.max(1).min()
    order, when = _triangles(distances, radius)
    above = order[edges[:, 0], edges[:, 1]]  # the triangles on each edge
    apparent = _apparent(edges, above, len(when))
    cleared = np.isin(np.arange(len(edges)), joining)
    left = np.flatnonzero(~(apparent | cleared | (lengths > radius)))
    pairs = _reduced(above, left, np.flatnonzero(apparent), len(when))
    return np.array([(lengths[edge], when[triangle]) for edge, triangle in pairs]).reshape(-1, 2)


def _reduced(above: np.ndarray, left: np.ndarray, apparent: np.ndarray, triangles: int) -> list[tuple[int, int]]:
    """(edge, triangle) of the pairs among the edges `left`, by reducing their coboundaries over Z/2, longest edge first.

    The pivot of a column is its earliest triangle, so while other columns are added it only moves on. A column is held as one boolean a
    triangle, the last place for what is no triangle: adding is a flip of some places, and to look on for the pivot is fast.
    """
    owners = {int(above[edge].min()): above[edge] for edge in apparent}
    pairs = []
    for edge in left[::-1]:
        column = np.zeros(triangles + 1, dtype=bool)
        column[above[edge]] = True
        pivot = int(column.argmax())
        while pivot in owners:
            column[owners[pivot]] ^= True
            column[-1] = True  # so that the search ends there
            pivot += int(column[pivot:].argmax())
        if pivot < triangles:
            owners[pivot] = np.flatnonzero(column)
            pairs.append((int(edge), pivot))
    return pairs


def _triangles(distances: np.ndarray, radius: float) -> tuple[Int[np.ndarray, "m m m"], Float[np.ndarray, " t"]]:
    """The place of triangle (a, b, c) in the order of appearance, and the scale at which each appears.

    Places beyond the last stand for what is no triangle: two corners the same, or a side longer than `radius`.
    """
    m = len(distances)
    a, b, c = (np.array(i, dtype=np.int32) for i in _triples(m))
    diameter = np.maximum(np.maximum(distances[a, b], distances[a, c]), distances[b, c])
    kept = np.flatnonzero(diameter <= radius)
    kept = kept[np.argsort(diameter[kept], kind="stable")]
    order = np.full((m, m, m), len(kept), dtype=np.int32)
    a, b, c = a[kept], b[kept], c[kept]
    for i, j, k in ((a, b, c), (a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a)):
        order[i, j, k] = np.arange(len(kept))
    return order, diameter[kept]


def _triples(m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All a < b < c < m."""
    a, b = np.triu_indices(m, 1)
    count = m - 1 - b
    pair = np.repeat(np.arange(len(a)), count)
    c = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count) + b[pair] + 1
    return a[pair], b[pair], c


def _apparent(edges: np.ndarray, above: np.ndarray, triangles: int) -> np.ndarray:
    """Which edges are the latest edge of their earliest triangle: such pairs have no length and need no reduction."""
    m = above.shape[1]
    number = np.full((m, m), -1)
    number[edges[:, 0], edges[:, 1]] = number[edges[:, 1], edges[:, 0]] = np.arange(len(edges))
    third = above.argmin(1)
    latest = np.maximum(number[edges[:, 0], third], number[edges[:, 1], third])
    return (above.min(1) < triangles) & (latest < np.arange(len(edges)))
