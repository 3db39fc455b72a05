"""95 % intervals, paired across everything that is measured on the same items.

Every measurement leaves an `Evidence`: its value for each training seed, and the values it takes when the data are resampled. The
resamplings are drawn from the number of items and the seed alone, so replicate j of the method and of every control saw the same items
and the same label draws, and the replicates of a difference are the difference of the replicates.

- accuracies: bootstrap over test items x label draws, both resampled independently (Owen 2007, the pigeonhole bootstrap), percentiles;
- other measures: jackknife over groups of items, whose influences are given normal weights;
- training seeds, when there are three or more: Student's interval over the seeds, added in squares.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from allegory.core import Problem

REPLICATES = 1000
LEVEL = 0.95
LEAST_SEEDS = 3


def student(values: Float[np.ndarray, " n"]) -> float:
    """Half the width of Student's 95 % interval of the mean of `values`, two or more draws of a normal distribution."""
    n = len(values)
    return float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n))


@dataclass(frozen=True, eq=False)
class Evidence:
    """`values` (s,): one for each training seed; `replicates` (r,): the mean over the seeds on resampled data."""

    values: np.ndarray
    replicates: np.ndarray

    @property
    def value(self) -> float:
        return float(self.values.mean())

    def interval(self, low: float = -np.inf, high: float = np.inf) -> tuple[float, float]:
        """The 95 % interval of the mean over seeds, kept within [`low`, `high`]."""
        ends = np.quantile(self.replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        below, above = max(0.0, self.value - ends[0]), max(0.0, ends[1] - self.value)
        seeds = self._half_width_of_seeds()
        ends = max(low, self.value - float(np.hypot(below, seeds))), min(high, self.value + float(np.hypot(above, seeds)))
        return min(ends[0], self.value), max(ends[1], self.value)  # a value may pass its bound by rounding

    def _half_width_of_seeds(self) -> float:
        return student(self.values) if len(self.values) >= LEAST_SEEDS else 0.0

    def minus(self, other: "Evidence") -> "Evidence":
        """The paired difference. Seeds are paired where both have the same number, else `other`'s mean is taken from each."""
        theirs = other.values if len(other.values) == len(self.values) else other.values.mean()
        return Evidence(self.values - theirs, self.replicates - other.replicates)


def joined(seeds: list[Evidence]) -> Evidence:
    """Several training seeds of one method, measured on the same resamplings."""
    return Evidence(np.concatenate([e.values for e in seeds]), np.mean([e.replicates for e in seeds], axis=0))


@lru_cache(maxsize=8)
def resamplings(n: int, seed: int) -> Float[np.ndarray, "r n"]:
    """How often each of `n` units is drawn in each bootstrap replicate; rows sum to n."""
    rng = np.random.default_rng([seed, n])
    counts = np.empty((REPLICATES, n), dtype=np.float32)
    for row in counts:
        row[:] = np.bincount(rng.integers(0, n, n), minlength=n)
    return counts


def of_hits(hits: Bool[np.ndarray, "d n"], truth: Int[np.ndarray, " n"], seed: int) -> tuple[Evidence, Evidence]:
    """The evidence for accuracy and for balanced accuracy (the mean over classes of the share that was hit).

    `hits`: whether item i was classified rightly under label draw d; `truth`: the classes of the items.
    """
    draws, n = hits.shape
    if hits.min() == hits.max():
        both = _unanimous(float(hits[0, 0]), n, seed)
        return both, both
    items, weights = resamplings(n, seed), _weights_of_draws(draws, seed)
    hit, balanced, present, shares = np.zeros((REPLICATES, draws)), np.zeros(REPLICATES), np.zeros(REPLICATES), []
    for c in np.unique(truth):
        of_class = truth == c
        right, size = items[:, of_class] @ hits[:, of_class].T.astype(np.float32), items[:, of_class].sum(1)
        hit += right
        balanced += (weights * right).sum(1) / np.maximum(size, 1)
        present += size > 0
        shares.append(hits[:, of_class].mean())
    accuracy = Evidence(np.array([hits.mean()]), (weights * hit).sum(1) / n)
    return accuracy, Evidence(np.array([np.mean(shares)]), balanced / present)


def _weights_of_draws(draws: int, seed: int) -> Float[np.ndarray, "r d"]:
    """Bootstrap weights that sum to 1, spread a little wider, as Student's interval of so few draws is (20: by a tenth)."""
    if draws == 1:
        return np.ones((REPLICATES, 1), dtype=np.float32)
    wide = np.sqrt(draws / (draws - 1)) * stats.t.ppf((1 + LEVEL) / 2, draws - 1) / stats.norm.ppf((1 + LEVEL) / 2)
    spread: np.ndarray = 1.0 / draws + (wide * (resamplings(draws, seed) - 1.0) / draws).astype(np.float32)
    return spread


def _unanimous(value: float, n: int, seed: int) -> Evidence:
    """All right, or all wrong: no resampling shows another value, so the exact binomial bound stands in (Clopper and Pearson 1934)."""
    bound = np.random.default_rng([seed, n]).uniform(size=REPLICATES) ** (1.0 / n)
    return Evidence(np.array([value]), bound if value else 1.0 - bound)


def jackknife(value: float, without: Float[np.ndarray, " g"], seed: int) -> Evidence:
    """The evidence for a measure from its values with each of g groups of items left out (Quenouille; Efron 1979).
    Raises `Problem` when one of them is no number."""
    if not (np.isfinite(value) and np.isfinite(without).all()):
        raise Problem(f"the value for these codes is no finite number, but {value}")
    g = len(without)
    wide = stats.t.ppf((1 + LEVEL) / 2, g - 1) / stats.norm.ppf((1 + LEVEL) / 2)  # few groups: Student, not normal
    weights = np.random.default_rng([seed, g]).standard_normal((REPLICATES, g))
    return Evidence(np.array([value]), value + wide * np.sqrt((g - 1) / g) * weights @ (without - without.mean()))
