"""Against Demsar (2006): table 5's critical values, the worked example of section 3.2.4, and numbers worked by hand."""

import numpy as np
import pytest
from scipy import stats

from allegory.questions.significance import cliques, critical_difference, friedman, mean_ranks, sign_flip


def test_signs_by_hand():
    """Of the 8 signed sums of 1, 2, 3 only 6 and -6 are as far from 0 as 6; with 1, 1, -1 the sum 1 is reached by all."""
    assert sign_flip(np.array([1.0, 2, 3])) == 2 / 8
    assert sign_flip(np.array([1.0, 2, -3])) == 1.0
    assert sign_flip(np.array([1.0, 1, -1])) == 1.0
    assert sign_flip(np.full(6, 0.1)) == 2 / 64
    assert sign_flip(np.zeros(6)) == 1.0


def test_many_pairs_are_drawn_and_agree_with_all_of_them():
    d = np.random.default_rng(0).normal(0.5, 1, 16)
    exact = stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip(d) == pytest.approx(exact, abs=0.014), "three standard errors of a share of .3 of 10,000"


def test_nothing_differs_is_said_wrongly_one_time_in_twenty():
    rng = np.random.default_rng(1)
    assert np.mean([sign_flip(rng.normal(size=8)) <= 0.05 for _ in range(600)]) < 0.08


def test_ranks_by_hand():
    values = np.array([[0.9, 0.8, 0.8], [0.1, 0.3, 0.2]])
    assert mean_ranks(values, (1, 1)) == pytest.approx([(1 + 3) / 2, (2.5 + 1) / 2, (2.5 + 2) / 2])
    assert mean_ranks(values, (1, -1)) == pytest.approx([1.0, (2.5 + 3) / 2, (2.5 + 2) / 2])


def test_the_example_of_the_paper():
    """Section 3.2.4: four methods, 14 data sets."""
    ranks = np.array([3.143, 2.000, 2.893, 1.964])
    found = friedman(ranks, 14)
    assert found.chi2 == pytest.approx(9.28, abs=0.01) and found.f == pytest.approx(3.69, abs=0.01)
    assert found.p < 0.05 and found.f > 2.85
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize(("k", "q"), list(enumerate((1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164), 2)))
def test_the_critical_values_of_the_paper(k, q):
    """Table 5 (a), q at .05; with n = k (k + 1) / 6 columns the critical difference is q itself."""
    assert critical_difference(k, 1) / np.sqrt(k * (k + 1) / 6) == pytest.approx(q, abs=0.001)


def test_friedman_is_that_of_scipy_without_ties():
    values = np.random.default_rng(0).normal(size=(9, 4))
    ours = friedman(mean_ranks(values, [1] * 9), 9)
    assert ours.chi2 == pytest.approx(stats.friedmanchisquare(*values.T).statistic)
    assert friedman(np.array([1.0, 2, 3]), 6).p == 0.0


def test_groups_by_hand():
    ranks = [3.143, 2.0, 2.893, 1.964]
    assert cliques(ranks, 1.25) == [(3, 1, 2, 0)]
    assert cliques(ranks, 1.0) == [(3, 1, 2), (2, 0)]
    assert cliques([1.0, 2.0, 3.0], 0.5) == []
    assert cliques([1.0, 1.2, 3.0, 3.1], 0.5) == [(0, 1), (2, 3)]
