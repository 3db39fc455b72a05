"""Places for codes on a flat map: the two main axes (PCA), and from there a layout that keeps neighbours together.

The neighbour layout is t-SNE's (van der Maaten and Hinton 2008) with all of an item's nearest alike, in fewer steps. It is the same
picture on every call. `kept` says how many of each point's neighbours survive, which is all that such a map can promise: distances
between far groups mean little.
"""

import numpy as np
import torch

from allegory.measures.affinities import averaged
from allegory.measures.neighbours import nearest, nearest_of
from allegory.measures.spectra import oriented
from allegory.methods.spectral.tsne import settled

NEIGHBOURS = 15
STEPS = 300


def plane(z: np.ndarray) -> np.ndarray:
    """(n, 2) float32: the codes (n, z) on their two main axes. Signs are fixed: the largest loading is positive."""
    x = torch.as_tensor(_finite(z)).double()
    x = x - x.mean(0)
    _, axes = torch.linalg.eigh(x.T @ x)
    y = x @ oriented(axes[:, -2:].flip(1))
    return (y if y.shape[1] == 2 else torch.cat([y, torch.zeros_like(y)], 1)).float().numpy()


def neighbours(z: np.ndarray, queries: np.ndarray | None = None, k: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """The `k` nearest rows of `z` (n, d) for every query (m, d), and their Euclidean distances, both (m, k), nearest first.

    Without queries the rows themselves ask, and nobody is his own neighbour.
    """
    x = torch.as_tensor(_finite(z))
    k = max(1, min(k, len(x) - (queries is None)))
    far, found = nearest(x, k) if queries is None else nearest_of(torch.as_tensor(_finite(queries)), x, k)
    return found.numpy(), far.float().numpy()


def near(start: np.ndarray, graph: np.ndarray) -> np.ndarray:
    """(n, 2) float32: the neighbour layout from the places `start` (n, 2) along the edges `graph` (n, k)."""
    y, ends = torch.as_tensor(start), torch.as_tensor(graph)
    edges = averaged(torch.full(ends.shape, 1.0 / ends.shape[1]), ends)
    return settled(edges, y / y.std(0).max().clamp_min(1e-12), STEPS).numpy()


def kept(y: np.ndarray, graph: np.ndarray, most: int = 2000) -> float:
    """The share of each point's neighbours in `graph` (n, k) that are also among its k nearest in the layout `y`, over `most` points."""
    chosen = np.unique(np.linspace(0, len(y) - 1, min(most, len(y))).astype(int))
    k = graph.shape[1]
    found, _ = neighbours(y, y[chosen], k + 1)
    hits = [len(set(row[row != i][:k]) & set(graph[i])) for i, row in zip(chosen, found, strict=True)]
    return float(np.mean(hits)) / k


def _finite(z: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.asarray(z, dtype=np.float32).reshape(len(z), -1), nan=0.0, posinf=0.0, neginf=0.0)
