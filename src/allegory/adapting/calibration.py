"""Probabilities that mean what they say, and how far they do.

Temperature scaling (Guo et al. 2017, section 4.2): the logits are divided by the T > 0 that minimises the negative log-likelihood of
items that the reader has not seen. Expected calibration error (equation 3 there): 15 bins of equal width by confidence,

    ECE = sum_b n_b / n |accuracy(b) - confidence(b)|

Numbers get an interval instead: split conformal prediction (Lei et al. 2018, algorithm 2), the ceil((n + 1) 0.9)-th smallest residual
of items that the reader has not seen, scaled by how hard an item is.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy import optimize, stats
from torch import Tensor

from allegory.adapting.target import Kind

BINS = 15
LEVEL = 0.9
EXTREMES = (-5.0, 5.0)  # of log T


def probabilities(outputs: Float[Tensor, "n k"], kind: Kind, temperature: float = 1.0) -> Float[Tensor, "n k"]:
    """Outputs as probabilities: softmax for classes, sigmoid for labels."""
    scaled = outputs / temperature
    return torch.softmax(scaled, 1) if kind == "class" else torch.sigmoid(scaled)


def log_loss(outputs: Float[Tensor, "n k"], y: Tensor, kind: Kind, temperature: float = 1.0) -> float:
    """The mean negative log-likelihood in nats: of the class of an item, or of each known label."""
    scaled = outputs / temperature
    if kind == "class":
        return float(torch.nn.functional.cross_entropy(scaled, y))
    sign = torch.where(y > 0, 1.0, -1.0)
    return float(-torch.nn.functional.logsigmoid(sign * scaled)[y >= 0].mean())


def temperature(outputs: Float[Tensor, "n k"], y: Tensor, kind: Kind) -> float:
    """The T of temperature scaling.

    # Deviates: log T has a normal prior of standard deviation 1/2, which weighs as much as a few items: some that are all told rightly
    # would otherwise make the reader certain of everything.
    """
    n = int((y >= 0).sum())
    loss = lambda log_t: n * log_loss(outputs, y, kind, math.exp(log_t)) + 2.0 * log_t**2
    found = optimize.minimize_scalar(loss, bounds=EXTREMES, method="bounded", options={"xatol": 1e-4})
    return float(math.exp(found.x)) if found.fun <= loss(0.0) else 1.0


@dataclass(frozen=True)
class Reliability:
    """Bins by confidence: how many items, how sure on average, how often right; and the expected calibration error."""

    counts: tuple[int, ...]
    confidence: tuple[float, ...]
    right: tuple[float, ...]
    error: float


def reliability(p: Float[Tensor, "n k"], y: Tensor, kind: Kind) -> Reliability:
    """Of classes by the probability of the one that is told; of labels by the probability of each known one. Empty bins are left out."""
    if kind == "class":
        sure, answer = p.max(1)
        hits = (answer == y).double()
    else:
        known = y >= 0
        sure, hits = p[known], y[known].double()
    place = (sure * BINS).long().clamp(0, BINS - 1)
    count = torch.bincount(place, minlength=BINS)
    used = torch.nonzero(count)[:, 0]
    mean = lambda v: torch.bincount(place, v.double(), BINS)[used] / count[used]
    confidence, right = mean(sure), mean(hits)
    error = (count[used] / len(sure) * (right - confidence).abs()).sum()
    return Reliability(tuple(count[used].tolist()), tuple(confidence.tolist()), tuple(right.tolist()), float(error))


def radius(residuals: Float[np.ndarray, " n"], level: float = LEVEL) -> float:
    """Half the width of an interval that holds a new item's number with probability `level`, from absolute residuals of unseen items.

    Conformal where there are enough items (9 for 90 %); with fewer, Student's bound on residuals taken as normal, which is a guess.
    """
    n = len(residuals)
    rank = math.ceil((n + 1) * level)
    if rank <= n:
        return float(np.sort(residuals)[rank - 1])
    spread = math.sqrt(float(np.square(residuals).mean()))
    return spread * float(stats.t.ppf((1 + level) / 2, max(1, n - 1))) * math.sqrt(1 + 1 / n)


def covered(values: Float[np.ndarray, " n"], truth: Float[np.ndarray, " n"], half: Float[np.ndarray, " n"]) -> np.ndarray:
    """Which true numbers lie in their interval."""
    return np.abs(values - truth) <= half
