"""Rank correlation, its interval, and fits to families left out, by hand."""

import numpy as np
import pytest
from scipy import stats

from allegory.studies.statistics import correlation, fit, spearman, standing


def test_spearman_by_hand():
    """rho = 1 - 6 sum d^2 / (n (n^2 - 1)): ranks 1 2 3 4 against 1 3 2 4 have sum d^2 = 2, so 1 - 12 / 60."""
    assert spearman(np.array([1.0, 2, 3, 4]), np.array([10.0, 30, 20, 40])) == pytest.approx(0.8)
    assert spearman(np.array([1.0, 2, 3, 4]), np.array([-10.0, -30, -20, -40])) == pytest.approx(-0.8)
    tied = np.array([1.0, 1, 2, 3])
    assert spearman(tied, np.array([4.0, 3, 2, 1])) == pytest.approx(stats.spearmanr(tied, [4, 3, 2, 1]).statistic)
    assert np.isnan(spearman(np.ones(4), np.arange(4.0)))


def test_only_ranks_count():
    x = np.random.default_rng(0).normal(size=30)
    assert correlation(x, np.exp(3 * x), [str(i) for i in range(30)]).rho == pytest.approx(1.0)


def test_what_is_missing_is_left_out_and_too_little_is_no_correlation():
    x = np.array([1.0, 2, 3, 4, 5, np.nan])
    found = correlation(x, x, list("abcdef"))
    assert found.n == 5 and found.rho == 1.0
    assert correlation(x[:4], x[:4], list("abcd")) is None
    assert correlation(x, x, list("aaaaab")) is None, "two settings"
    assert correlation(x, np.ones(6), list("abcdef")) is None


def test_the_interval_draws_whole_settings():
    """Ten copies of each of four trainings are four trainings: the interval must not narrow."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 8))
    few = correlation(x, y, [str(i) for i in range(8)])
    copies = correlation(np.repeat(x, 10), np.repeat(y, 10), [str(i) for i in range(8) for _ in range(10)])
    assert copies.high - copies.low == pytest.approx(few.high - few.low, abs=0.05)
    taken_apart = correlation(np.repeat(x, 10), np.repeat(y, 10), [str(i) for i in range(80)])
    assert taken_apart.high - taken_apart.low < 0.6 * (copies.high - copies.low)


def test_the_interval_covers():
    """About 95 in 100 intervals hold the true rho of correlated normals, 6 / pi asin(r / 2); fewer with few settings, hence 85."""
    rng, hits = np.random.default_rng(2), 0
    truth = 6 / np.pi * np.arcsin(0.5 / 2)
    for _ in range(30):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 25).T
        found = correlation(x, y, [str(i) for i in range(25)])
        hits += found.low <= truth <= found.high
    assert hits >= 25


def test_a_line_tells_the_family_left_out_where_all_lie_on_it():
    x = np.arange(9.0)
    families = list("aaabbbccc")
    straight = fit(x, 2 * x + 1, families)
    assert straight.coefficients == pytest.approx((2, 1)) and straight.r2 == pytest.approx(1.0)
    assert [(h.family, h.n) for h in straight.held_out] == [("a", 3), ("b", 3), ("c", 3)]


def test_a_fit_that_fails_on_other_families_says_so():
    """By hand: a at x = 0, 1 with y = 0, 1; b at x = 0, 1 with y = 1, 0. The line of a misses b by 1 at both; the mean of a (.5) by .5."""
    found = fit(np.array([0.0, 1, 2, 0, 1, 2]), np.array([0.0, 1, 2, 2, 1, 0]), list("aaabbb"))
    assert found.held_out[1].r2 == pytest.approx(1 - (4 + 0 + 4) / (1 + 0 + 1)) == pytest.approx(-3.0)
    assert found.held_out[1].error == pytest.approx(np.sqrt(8 / 3))
    assert fit(np.arange(4.0), np.arange(4.0), list("aaaa")) is None


def test_standings_by_hand():
    """Three trainings, the second score is good when low: places (0, .5, 1) and (.5, 1, 0)."""
    values = np.array([[1.0, 5.0], [2.0, 1.0], [3.0, 9.0], [np.nan, 0.0]])
    assert standing(values, (1, -1)) == pytest.approx([0.25, 0.75, 0.5, np.nan], nan_ok=True)
