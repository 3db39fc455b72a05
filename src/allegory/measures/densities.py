"""Simple densities to compare a likelihood with, in nats per item: one number at a time, and a Gaussian with q directions.

Data with levels have probabilities and continuous data have densities, which cannot be compared. A density p on the real line gives a
probability of the levels when it is integrated over the cell of each: P(x) = integral of p over a cell of side `step`. By Jensen:

    log P(x) >= E_u log p(x + u) + d log step,     u uniform in the cell [-step/2, step/2]^d

(uniform dequantisation; Theis, van den Oord and Bethge 2016, section 3.1), which is what `dequantised` items and `cell` are for. A density
learned and asked at the levels themselves has no such bound: it can be made as large as one likes by spikes on the levels.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

Items = Float[Tensor, "n d"]
LEAST = 1e-6  # of the mean variance: the smallest that a fitted Gaussian has


def dequantised(x: Items, step: float, rng: np.random.Generator) -> Items:
    """Every number moved at random within its cell of side `step`."""
    return x + step * (torch.as_tensor(rng.uniform(size=tuple(x.shape))) - 0.5)


def cell(d: int, step: float) -> float:
    """d log step: what turns nats of a density at dequantised items into nats of the levels."""
    return d * math.log(step)


def bits_per_dimension(nats: float, d: int) -> float:
    """-log2 p(x) / d."""
    return -nats / (d * math.log(2.0))


def apart_levels(train: Int[Tensor, "t d"], test: Int[Tensor, "n d"], levels: int) -> Float[Tensor, " n"]:
    """log P(x) when every number has a histogram of its own, counted on `train` with one more of every level (Laplace)."""
    counts = torch.ones(train.shape[1], levels, dtype=torch.float64)
    columns = torch.arange(train.shape[1]).expand_as(train)
    counts.index_put_((columns, train), torch.ones((), dtype=torch.float64), accumulate=True)
    log_p = (counts / counts.sum(1, keepdim=True)).log()
    return log_p[torch.arange(test.shape[1]).expand_as(test), test].sum(1)


def apart_gaussian(train: Float[Tensor, "t d"], test: Items) -> Float[Tensor, " n"]:
    """log p(x) when every number has a Gaussian of its own."""
    mean, variance = train.mean(0), train.var(0, unbiased=False)
    variance = variance.clamp_min(LEAST * float(variance.mean()) or 1.0)
    return -0.5 * ((test - mean).square() / variance + variance.log() + math.log(2 * math.pi)).sum(1)


def probabilistic_pca(train: Float[Tensor, "t d"], test: Items, q: int) -> Float[Tensor, " n"]:
    """log p(x) of N(mean, W W^T + sigma^2 I) with q columns in W at maximum likelihood (Tipping and Bishop 1999, equations 3, 7 and 8).

    sigma^2 is the mean of the variances of the d - q other directions; q is at most d - 1 and the number of items less one.
    """
    t, d = train.shape
    q = max(0, min(q, d - 1, t - 1))
    mean = train.mean(0)
    _, size, axes = torch.linalg.svd(train - mean, full_matrices=False)
    variance = size.square() / t
    rest = float(variance[q:].sum()) / (d - q)
    noise = max(rest, LEAST * float(variance.sum()) / d) or 1.0
    kept = variance[:q].clamp_min(noise)
    return along_axes(test - mean, axes[:q], kept, torch.as_tensor(noise, dtype=kept.dtype))


def along_axes(moved: Items, axes: Float[Tensor, "q d"], kept: Float[Tensor, " q"], noise: Float[Tensor, ""]) -> Float[Tensor, " n"]:
    """log p of x - mean under the Gaussian that has the variances `kept` along orthonormal `axes`, and `noise` in every other direction."""
    q, d = axes.shape
    along = moved @ axes.T
    distance = (along.square() / kept).sum(1) + (moved - along @ axes).square().sum(1) / noise
    return -0.5 * (distance + kept.log().sum() + (d - q) * noise.log() + d * math.log(2 * math.pi))
