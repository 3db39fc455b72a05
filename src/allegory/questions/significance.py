"""Which of several methods are told apart, over training seeds or over data sets: a sign-flip test of pairs, and tests of ranks.

The ranks are those of J. Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006), section 3.2: Friedman's
test in the form of Iman and Davenport, then Nemenyi's critical difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float
from scipy import stats

ALPHA = 0.05
LEAST_PAIRS = 6  # with n pairs no p is below 2 / 2^n: five can never tell apart at .05
LEAST_METHODS, LEAST_COLUMNS = 3, 5
EXACT = 14  # up to so many pairs all signs are tried
DRAWS = 10_000


def sign_flip(differences: Float[np.ndarray, " n"], seed: int = 0) -> float:
    """The two-sided p of paired differences whose signs would be arbitrary if nothing differed: the share of all 2^n ways to sign them
    with a sum at least as far from 0 (Fisher 1935, section 21). With more than 14 pairs, of 10,000 drawn ways and the one observed."""
    d = np.asarray(differences, dtype=float)
    n = len(d)
    if n <= EXACT:
        signs = 1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        return float((abs(signs @ d) >= abs(d.sum()) * (1 - 1e-12) - 1e-300).mean())
    signs = 1.0 - 2.0 * np.random.default_rng([seed, 71]).integers(0, 2, (DRAWS, n))
    return float((1 + (abs(signs @ d) >= abs(d.sum()) * (1 - 1e-12)).sum()) / (1 + DRAWS))


def mean_ranks(values: Float[np.ndarray, "n k"], signs: Sequence[int]) -> Float[np.ndarray, " k"]:
    """The mean rank of each of k methods over n columns; 1 is the best, equal values share theirs. `signs` (n,): 1 where high is good,
    -1 where low is."""
    return np.asarray(stats.rankdata(-values * np.asarray(signs)[:, None], axis=1).mean(0))


@dataclass(frozen=True)
class Friedman:
    """Friedman's chi^2, the F of Iman and Davenport (its degrees of freedom are k - 1 and (k - 1)(n - 1)), and its p."""

    chi2: float
    f: float
    p: float


def friedman(ranks: Float[np.ndarray, " k"], n: int) -> Friedman:
    """Whether mean ranks over n columns differ more than chance would have it.

    chi^2 = 12 n / (k (k + 1)) [sum_j R_j^2 - k (k + 1)^2 / 4];  F = (n - 1) chi^2 / (n (k - 1) - chi^2)
    """
    k = len(ranks)
    chi2 = 12 * n / (k * (k + 1)) * float(np.square(ranks).sum() - k * (k + 1) ** 2 / 4)
    left = n * (k - 1) - chi2
    if left <= 1e-9 * n:  # every column ranks alike
        return Friedman(chi2, float("inf"), 0.0)
    f = (n - 1) * chi2 / left
    return Friedman(chi2, f, float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))))


@cache
def critical_difference(k: int, n: int) -> float:
    """Nemenyi's: mean ranks over n columns that lie further apart differ at .05. q sqrt(k (k + 1) / (6 n)), q being the Studentised range
    over sqrt(2)."""
    q = stats.studentized_range.ppf(1 - ALPHA, k, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * n)))


def cliques(ranks: Sequence[float], difference: float) -> list[tuple[int, ...]]:
    """The largest groups of two or more methods within which no two mean ranks lie further apart than `difference`, best first."""
    order = sorted(range(len(ranks)), key=lambda i: ranks[i])
    found: list[tuple[int, ...]] = []
    for at, first in enumerate(order):
        group = tuple(i for i in order[at:] if ranks[i] - ranks[first] <= difference)
        if len(group) > 1 and not (found and set(group) <= set(found[-1])):
            found.append(group)
    return found
