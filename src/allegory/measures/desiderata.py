"""What one may wish of a code, a number for each wish: sparse, compact, clustered, tree-like, flat."""

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.cluster import hierarchy
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.distance import pdist
from torch import Tensor

from allegory.measures.neighbours import distance_rows


def hoyer(z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """(sqrt d - |z|_1 / |z|_2) / (sqrt d - 1) of every code, d > 1 (Hoyer 2004, section 3.1). NaN for a code of zeros."""
    z = z.double()
    root = math.sqrt(z.shape[1])
    return (root - z.abs().sum(1) / z.norm(dim=1)) / (root - 1.0)


def moving(z: Float[Tensor, "n d"], least: float) -> int:
    """How many numbers of the code have a standard deviation above `least` of the largest one."""
    std = z.double().std(0)
    return int((std > least * std.max()).sum())


def directions(z: Float[Tensor, "n d"], share: float) -> float:
    """How many principal directions hold `share` of the variance; the last one counts by the part of it that is needed."""
    z = z.double() - z.double().mean(0)
    gram = z.T @ z if z.shape[1] <= len(z) else z @ z.T
    variance = torch.linalg.eigvalsh(gram).clamp_min(0.0).flip(0)
    held = variance.cumsum(0) / variance.sum()
    whole = int((held < share).sum())
    before = float(held[whole - 1]) if whole else 0.0
    return whole + (share - before) / (float(held[whole]) - before)


def between_classes(z: Float[Tensor, "n d"], y: Int[Tensor, " n"]) -> float:
    """1 - [SS_within / (n - k)] / [SS_total / (n - 1)]: 0 in expectation when classes say nothing. Needs 1 < k < n classes."""
    z = z.double() - z.double().mean(0)
    _, y, size = torch.unique(y, return_inverse=True, return_counts=True)
    sums = torch.zeros(len(size), z.shape[1], dtype=z.dtype).index_add_(0, y, z)
    total = z.square().sum()
    within = total - (sums.square().sum(1) / size).sum()
    return float(1.0 - within / (len(z) - len(size)) / (total / (len(z) - 1)))


def cophenetic(z: Float[Tensor, "n d"]) -> float:
    """The correlation of distances with the heights at which average linkage joins items (Sokal and Rohlf 1962). n^2 / 2 distances."""
    distances = pdist(z.double().numpy())
    return float(hierarchy.cophenet(hierarchy.average(distances), distances)[0])


def chord_over_geodesic(z: Float[Tensor, "n d"], k: int) -> Float[np.ndarray, " n"]:
    """For every item the mean, over others that it can reach, of straight distance over the shortest path from neighbour to neighbour.

    Paths go along the edges of the graph of the k nearest (Tenenbaum et al. 2000). Near 1 when the items fill a convex, flat region;
    less where they bend. Paths zigzag, so even flat clouds stay below 1. n x n distances: for a few thousand items.
    """
    rows = [squared.sqrt() for _, squared in distance_rows(z)]
    straight = torch.cat(rows).fill_diagonal_(0.0).numpy()
    far = np.sort(straight, 1)[:, k][:, None]
    graph = np.where(straight <= far, straight, 0.0)
    along = shortest_path(np.maximum(graph, graph.T), directed=False)
    known = np.isfinite(along) & (along > 0)
    ratio = np.divide(straight, along, out=np.zeros_like(along), where=known)
    return ratio.sum(1) / np.maximum(known.sum(1), 1)
