r"""A graph of neighbours as a sampled manifold: its edges, tangent spaces, the turn from one tangent space to the next, and Laplacians.

The graph connection Laplacian (Singer and Wu 2012, arXiv:1102.0075) of a field $A_i$ over the items is
$(L A)_i = \sum_{j \sim i} (A_i - O_{ij} A_j O_{ij}^T)$ for fields of symmetric matrices, with $O_{ij}$ the orthogonal matrix nearest to
$T_i T_j^T$, the product of two bases of tangent spaces: parallel transport from j to i (Pfau et al. 2020, arXiv:2006.12982).
Matrices without a trace are taken in an orthonormal basis, so that L is symmetric and a field costs k (k + 1) / 2 - 1 numbers an item.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.measures import graphs, spectra

ROWS = 4096  # items, or edges, that are worked on at once
DENSE = 400  # rows up to which a matrix is solved whole
TOLERANCE = 1e-5  # of an eigenvector's residual, where the whole spectrum is 1 wide
ROUNDING = 1e-5  # of the largest degree, below which two eigenvalues do not differ
ROUGH = 1e-4  # where only the eigenvalue is asked for, whose error goes with the square of the residual


@dataclass(frozen=True, eq=False)
class Edges:
    """The undirected edges of a graph over n items, each in both directions, sorted: from item `i` to item `j`.

    `starts` (n + 1,): where the edges of each item begin, and where the last ones end."""

    i: Int[Tensor, " e"]
    j: Int[Tensor, " e"]
    starts: Int[Tensor, " m"]

    @staticmethod
    def of(near: Int[Tensor, "n k"], x: Float[Tensor, "n d"]) -> "Edges":
        """Who is near whom, either way; parts that hang nowhere together are joined where they are nearest to each other."""
        n, k = near.shape
        directed = sp.csr_array((np.ones(n * k), near.numpy().ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
        graph, _ = graphs.joined(graphs.either(directed), x)
        starts = torch.as_tensor(graph.indptr.astype(np.int64))
        return Edges(torch.arange(n).repeat_interleave(starts.diff()), torch.as_tensor(graph.indices.astype(np.int64)), starts)

    @property
    def adjacency(self) -> sp.csr_matrix:
        """(n, n): 1 at every edge."""
        n = len(self.starts) - 1
        return sp.csr_matrix((np.ones(len(self.j)), self.j.numpy(), self.starts.numpy()), shape=(n, n))

    @property
    def degrees(self) -> Float[Tensor, " n"]:
        return self.starts.diff().double()


def tangents(x: Float[Tensor, "n d"], near: Int[Tensor, "n q"], k: int) -> Float[Tensor, "n k d"]:
    """Local PCA: k orthonormal directions of most variance among each item and its neighbours, a row each, k at most q.

    The variance is taken around that mean: on a curved manifold all neighbours lie to one side of the tangent space, and around the item
    itself (as Pfau et al. take it) this offset would pass for a direction.
    """
    found = []
    for rows in torch.arange(len(x)).split(ROWS):
        around = torch.cat([x[rows, None], x[near[rows]]], 1)
        around = around - around.mean(1, keepdim=True)
        if around.shape[2] <= around.shape[1]:
            found.append(torch.linalg.eigh(around.mT @ around).eigenvectors[:, :, -k:].mT.flip(1))
        else:
            found.append(torch.linalg.svd(around, full_matrices=False).Vh[:, :k])
    return torch.cat(found)


def gradients(
    u: Float[Tensor, "n r"], x: Float[Tensor, "n d"], near: Int[Tensor, "n q"], T: Float[Tensor, "n k d"]
) -> Float[Tensor, "n k r"]:
    """The gradients of functions `u` along the tangents `T`, by least squares over each item and its neighbours."""
    found = []
    for rows in torch.arange(len(x)).split(ROWS):
        own = torch.cat([rows[:, None], near[rows]], 1)
        y = (x[own] - x[own].mean(1, keepdim=True)) @ T[rows].mT  # (b, q + 1, k)
        found.append(torch.linalg.pinv(y, rtol=1e-6) @ (u[own] - u[own].mean(1, keepdim=True)))
    return torch.cat(found)


def symmetric_basis(k: int) -> Float[Tensor, "s k k"]:
    """An orthonormal basis of the symmetric k x k matrices of trace 0; s = k (k + 1) / 2 - 1."""
    mixed, diagonal = [], []
    for i in range(k):
        for j in range(i):
            b = torch.zeros(k, k, dtype=torch.float64)
            b[i, j] = b[j, i] = 0.5**0.5
            mixed.append(b)
    for i in range(1, k):
        c = torch.zeros(k, dtype=torch.float64)
        c[:i], c[i] = 1.0, -float(i)
        diagonal.append(torch.diag(c / c.norm()))
    return torch.stack([*mixed, *diagonal]) if k > 1 else torch.zeros(0, 1, 1, dtype=torch.float64)


def transports(T: Float[Tensor, "n k d"], edges: Edges) -> Float[Tensor, "e k k"]:
    """O_ij of every edge: the orthogonal matrix nearest to T_i T_j^T, which carries tangent coordinates at j to those at i."""
    found = []
    for i, j in zip(edges.i.split(ROWS), edges.j.split(ROWS), strict=True):
        u, _, vt = torch.linalg.svd(T[i] @ T[j].mT)
        found.append(u @ vt)
    return torch.cat(found)


def transport_matrix(carry: Float[Tensor, "e k k"], edges: Edges) -> sp.bsr_matrix:
    """The sum over neighbours of what is carried from them, for fields of symmetric matrices of trace 0: sparse, (n s) x (n s).

    In single precision, half the memory: tangents from a few neighbours are known to a few digits only."""
    basis = symmetric_basis(carry.shape[1])
    flat = basis.flatten(1)
    blocks = torch.cat([((o[:, None] @ basis @ o.mT[:, None]).flatten(2) @ flat.T).mT for o in carry.split(ROWS)])
    size = (len(edges.starts) - 1) * len(basis)
    return sp.bsr_matrix((blocks.float().contiguous().numpy(), edges.j.numpy(), edges.starts.numpy()), shape=(size, size))


def smallest(adjacency: sp.spmatrix, degrees: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` smallest eigenvalues, rising, of the Laplacian diag(degrees) - adjacency, and their vectors (rows, count) of length 1.

    Above 400 rows by Lanczos from one start, which meets one vector of an eigenvalue that is there several times to the last digit.
    """
    if len(degrees) <= max(DENSE, 2 * count + 1):
        values, vectors = np.linalg.eigh(np.diag(degrees) - adjacency.toarray().astype(np.float64))
        return values[:count], vectors[:, :count]
    return _lanczos(adjacency, degrees, count, np.zeros((len(degrees), 0)), TOLERANCE)


def below_the_gap(adjacency: sp.spmatrix, degrees: np.ndarray, most: int, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of the Laplacian from the smallest up, to the first that lies so far above the one before that (b - a) / b > `gap`, the
    next gap being no wider; and the vectors (rows, m) of those below it. At most `most` values; m is 0 where they come without a gap.

    They are asked for one by one, each with the next, at right angles to those before: an eigenvalue that is there several times is found
    as often, and of the crowd above the gap, which would take longest, two are enough.
    """
    wide = lambda a, b: b - a > max(gap * b, ROUNDING * degrees.max())
    values, vectors = np.zeros(0), np.zeros((len(degrees), 0))
    whole = smallest(adjacency, degrees, most + 1) if len(degrees) <= max(DENSE, 2 * most + 3) else None
    for m in range(most):
        if whole is None:
            value, vector = _lanczos(adjacency, degrees, 2, vectors, ROUGH)
        else:
            value, vector = whole[0][m : m + 2], whole[1][:, m : m + 2]
        values, vector = np.append(values, max(value[0], 0.0)), vector[:, :1]
        last = values[m - 1 :]
        if m and wide(*last) and not (wide(*value) and np.ptp(value) > np.ptp(last)):
            return values, vectors
        if whole is None:  # it is one of those that are wanted
            value, vector = _lanczos(adjacency, degrees, 1, vectors, TOLERANCE, vector[:, 0])
            values[m] = max(value[0], 0.0)
        vectors = np.hstack([vectors, vector])
    return values, vectors[:, :0]


def _lanczos(
    adjacency: sp.spmatrix, degrees: np.ndarray, count: int, known: np.ndarray, tolerance: float, start: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """ARPACK from a fixed start, on 1 - L / (2 max degree) whose spectrum is in [0, 1], at right angles to the vectors `known`; in the
    precision of `adjacency`."""
    size, top, dtype = len(degrees), 2.0 * degrees.max(), adjacency.dtype
    keep, known = (1.0 - degrees / top).astype(dtype), known.astype(dtype)

    def apply(v: np.ndarray) -> np.ndarray:
        v = v.ravel() - known @ (known.T @ v.ravel())
        v = keep * v + (adjacency @ v) / dtype.type(top)
        return v - known @ (known.T @ v)

    begun = np.random.default_rng(known.shape[1]).normal(size=size) if start is None else start
    share, vectors = spectra.lanczos(apply, size, count, tolerance, begun.astype(dtype))
    order = np.argsort(-share)
    return top * (1.0 - share[order].astype(np.float64)), vectors[:, order].astype(np.float64)
