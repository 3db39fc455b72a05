"""How good answers are, with the evidence for intervals: R^2 of numbers, top-k accuracy, mean average precision of several labels."""

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from allegory.questions import intervals
from allegory.questions.intervals import Evidence

GROUPS = 50


def r2(told: Float[Tensor, " n"], truth: Float[Tensor, " n"], seed: int) -> Evidence:
    """1 - sum_i (y_i - told_i)^2 / sum_i (y_i - mean y)^2, by bootstrap over items. 0 is what the mean of `truth` tells; constant truth
    gives 0 where it is told exactly, else minus infinity is cut at -1e6."""
    values = r2_on(told, truth, np.vstack([np.ones((1, len(truth)), dtype=np.float32), intervals.resamplings(len(truth), seed)]))
    return Evidence(values[:1], values[1:])


def r2_on(told: Float[Tensor, " n"], truth: Float[Tensor, " n"], drawn: Float[np.ndarray, "r n"]) -> Float[np.ndarray, " r"]:
    """R^2 on each row of `drawn`, which says how often every item counts; rows sum to n."""
    y = truth.double().numpy()
    y = y - y.mean()  # the sums below lose digits far from 0
    error = np.square(told.double().numpy() - truth.double().numpy())
    spread = drawn @ np.square(y) - np.square(drawn @ y) / len(y)
    unread = drawn @ error
    values: np.ndarray = np.where(unread <= 0, np.where(spread > 0, 1.0, 0.0), 1.0 - unread / np.maximum(spread, 1e-300)).clip(min=-1e6)
    return values


def top(scores: Float[Tensor, "n k"], truth: Int[Tensor, " n"], among: int, seed: int) -> Evidence:
    """The share of items whose class is among the `among` of the highest scores; equal scores count against."""
    own = scores.gather(1, truth[:, None])
    others = (scores >= own).sum(1) - 1
    return intervals.of_hits((others < among)[None].numpy(), truth.numpy(), seed)[0]


def average_precision(
    scores: Float[np.ndarray, " n"], truth: Bool[np.ndarray, " n"], kept: Float[np.ndarray, "w n"] | None = None
) -> Float[np.ndarray, " w"]:
    """sum over thresholds of (R_i - R_(i-1)) P_i, surest first, equal scores together (scikit-learn's definition), with every row of
    `kept` as the weights of the items. NaN without a weight on any item that holds."""
    order = np.argsort(-scores, kind="stable")
    weight = np.ones((1, len(scores))) if kept is None else kept[:, order].astype(np.float64)
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found, seen = np.cumsum(weight * truth[order], 1)[:, last], np.cumsum(weight, 1)[:, last]
    gain = np.diff(found, axis=1, prepend=0.0)
    precision = found / np.maximum(seen, 1e-300)
    with np.errstate(invalid="ignore"):
        return np.asarray((gain * precision).sum(1) / found[:, -1])


def mean_precision(scores: Float[Tensor, "n k"], truth: Int[Tensor, "n k"], seed: int) -> Evidence:
    """The mean over the labels that occur of their average precision; `truth` is 0, 1 or -1 (not known, left out). Jackknife over up to
    50 groups of items. Raises nothing for labels that never hold: they are left out."""
    n = len(truth)
    groups = min(GROUPS, n)
    of = np.random.default_rng([seed, 22]).permutation(n) % groups
    kept = np.vstack([np.ones(n), (of[None] != np.arange(groups)[:, None]).astype(np.float64)])
    each = []
    for score, label in zip(scores.double().numpy().T, truth.numpy().T, strict=True):
        known = label >= 0
        if (label == 1).any():
            each.append(average_precision(score[known], label[known] == 1, kept[:, known]))
    values = np.nanmean(np.stack(each), 0)
    return intervals.jackknife(float(values[0]), values[1:], seed)
