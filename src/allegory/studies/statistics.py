"""Rank correlation over a population of trainings, and a function of one score that is tested on methods it was not fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

REPLICATES = 1000
LEAST = 5  # trainings, below which a rank correlation says nothing


class Interval:
    """What has a 95 % interval from `low` to `high`."""

    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Correlation(Interval):
    """Spearman's rho over `n` trainings, and its 95 % interval by bootstrap over groups of them."""

    rho: float
    low: float
    high: float
    n: int


def spearman(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> float:
    """The correlation of ranks, equal values sharing theirs (Spearman 1904); NaN where either is constant."""
    a, b = (stats.rankdata(v) - (len(v) + 1) / 2 for v in (x, y))
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else float("nan")


def correlation(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], groups: Sequence[str], seed: int = 0) -> Correlation | None:
    """Spearman's rho over the trainings that have both scores, and its interval: whole groups (the seeds of one setting) are drawn with
    replacement, as trainings of one setting are alike (Field and Welsh 2007, the cluster bootstrap). None below 5 trainings, 3 groups,
    or where a score is constant."""
    both = np.isfinite(x) & np.isfinite(y)
    x, y, of = x[both], y[both], np.array(groups)[both]
    members = [np.flatnonzero(of == g) for g in dict.fromkeys(of)]
    rho = spearman(x, y) if len(x) >= LEAST and len(members) >= 3 else float("nan")
    if not np.isfinite(rho):
        return None
    rng = np.random.default_rng([seed, 72])
    drawn = [np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))]) for _ in range(REPLICATES)]
    replicates = np.array([spearman(x[rows], y[rows]) for rows in drawn])
    low, high = np.nanquantile(replicates, [0.025, 0.975])
    return Correlation(rho, min(rho, float(low)), max(rho, float(high)), len(x))


@dataclass(frozen=True)
class HeldOut:
    """How well a fit to the other families tells one: root mean squared error, and the share of the squared distance to the mean of the
    others that it explains (below 0: worse than that mean)."""

    family: str
    n: int
    error: float
    r2: float


@dataclass(frozen=True)
class Fit:
    """A polynomial in x, highest power first, fitted to all; and what it says of families that it was not fitted to."""

    coefficients: tuple[float, ...]
    held_out: tuple[HeldOut, ...]
    r2: float

    def __call__(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return np.polyval(self.coefficients, x)


def fit(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], families: Sequence[str], degree: int = 1) -> Fit | None:
    """Least squares of a polynomial of `degree`, tested by leaving out one family at a time. None with fewer than 2 families, or where
    what is left has no more different values than the polynomial has coefficients."""
    both = np.isfinite(x) & np.isfinite(y)
    x, y, of = x[both], y[both], np.array(families)[both]
    names = list(dict.fromkeys(of.tolist()))
    if len(names) < 2 or any(len(np.unique(x[of != name])) <= degree + 1 for name in names):
        return None
    found, unexplained, spread = [], 0.0, 0.0
    for name in names:
        inside, outside = of == name, of != name
        told = np.polyval(np.polyfit(x[outside], y[outside], degree), x[inside])
        error, distance = float(np.square(y[inside] - told).sum()), float(np.square(y[inside] - y[outside].mean()).sum())
        found.append(HeldOut(name, int(inside.sum()), float(np.sqrt(error / inside.sum())), _share(error, distance)))
        unexplained, spread = unexplained + error, spread + distance
    return Fit(tuple(map(float, np.polyfit(x, y, degree))), tuple(found), _share(unexplained, spread))


def _share(unexplained: float, spread: float) -> float:
    return 1.0 - unexplained / spread if spread > 0 else 0.0


def standing(values: Float[np.ndarray, "n s"], signs: Sequence[int]) -> Float[np.ndarray, " n"]:
    """The mean place of each training among all by s scores, from 0 (last in each) to 1 (first in each); NaN where one is missing."""
    whole = np.isfinite(values).all(1)
    found = np.full(len(values), np.nan)
    n = int(whole.sum())
    if n > 1 and values.shape[1]:
        found[whole] = ((stats.rankdata(values[whole] * np.asarray(signs), axis=0) - 1) / (n - 1)).mean(1)
    return found
