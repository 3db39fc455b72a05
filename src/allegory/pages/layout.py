"""Places for codes on a flat map: the two main axes (PCA), and from there a layout that keeps neighbours together.

The neighbour layout maximises, over the edges ij of the k-nearest-neighbour graph and random pairs il,

    sum_ij log q_ij + gamma sum_il log(1 - q_il),     q = 1 / (1 + |y_i - y_j|^2)

the objective of LargeVis (Tang, Liu, Zhang and Mei 2016, eq. 6) with unweighted edges, by gradient ascent from the PCA layout with a
falling step. It is the same picture on every call. `kept` says how many of each point's neighbours survive, which is all that such a
map can promise: distances between far groups mean little.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Dice
from allegory.measures.neighbours import nearest, nearest_of

NEIGHBOURS = 15
NEGATIVES = 5
GAMMA = 5.0


def plane(z: np.ndarray) -> np.ndarray:
    """(n, 2) float32: the codes (n, z) on their two main axes. Signs are fixed: the largest loading is positive."""
    x = torch.as_tensor(_finite(z)).double()
    x = x - x.mean(0)
    _, axes = torch.linalg.eigh(x.T @ x)
    axes = axes[:, -2:].flip(1)
    axes = axes * torch.sign(axes.gather(0, axes.abs().argmax(0)[None]))
    y = x @ axes
    return (y if y.shape[1] == 2 else torch.cat([y, torch.zeros_like(y)], 1)).float().numpy()


def neighbours(z: np.ndarray, queries: np.ndarray | None = None, k: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """The `k` nearest rows of `z` (n, d) for every query (m, d), and their Euclidean distances, both (m, k), nearest first.

    Without queries the rows themselves ask, and nobody is his own neighbour.
    """
    x = torch.as_tensor(_finite(z))
    k = max(1, min(k, len(x) - (queries is None)))
    far, found = nearest(x, k) if queries is None else nearest_of(torch.as_tensor(_finite(queries)), x, k)
    return found.numpy(), far.float().numpy()


def near(start: np.ndarray, graph: np.ndarray, steps: int | None = None) -> np.ndarray:
    """(n, 2) float32: the neighbour layout from the places `start` (n, 2) along the edges `graph` (n, k)."""
    n, k = graph.shape
    steps = steps or (300 if n <= 5000 else 200)
    y = torch.as_tensor(start).clone()
    y = y / y.std(0).max().clamp_min(1e-12) * 4.0
    sources = torch.arange(n).repeat_interleave(k)
    targets = torch.as_tensor(graph).reshape(-1)
    everyone = torch.arange(n)
    for step in range(steps):
        dice = Dice.roll(0, step, everyone, "layout")
        away = dice.integers("away", n, NEGATIVES)
        y = y + 0.9 * (1.0 - step / steps) * _force(y, sources, targets, away, k)
    return y.numpy()


def _force(
    y: Float[Tensor, "n 2"], sources: Int[Tensor, " e"], targets: Int[Tensor, " e"], away: Int[Tensor, "n m"], k: int
) -> Float[Tensor, "n 2"]:
    """The gradient of the objective, edges averaged over k and random pairs over m; none exceeds 3.2 gamma."""
    apart = y[targets] - y[sources]
    pull = 2.0 * apart / (1.0 + apart.square().sum(1, keepdim=True))
    force = torch.zeros_like(y).index_add_(0, sources, pull).index_add_(0, targets, -pull) / k
    gap = y[:, None] - y[away]
    square = gap.square().sum(2, keepdim=True)
    push = 2.0 * gap / ((0.1 + square) * (1.0 + square))
    return force + GAMMA * push.mean(1)


def kept(y: np.ndarray, graph: np.ndarray, most: int = 2000) -> float:
    """The share of each point's neighbours in `graph` (n, k) that are also among its k nearest in the layout `y`, over `most` points."""
    chosen = np.unique(np.linspace(0, len(y) - 1, min(most, len(y))).astype(int))
    k = graph.shape[1]
    found, _ = neighbours(y, y[chosen], k + 1)
    hits = [len(set(row[row != i][:k]) & set(graph[i])) for i, row in zip(chosen, found, strict=True)]
    return float(np.mean(hits)) / k


def _finite(z: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.asarray(z, dtype=np.float32).reshape(len(z), -1), nan=0.0, posinf=0.0, neginf=0.0)
