import numpy as np
import pytest

from allegory.questions import intervals
from allegory.questions.intervals import Evidence


def logistic(x):
    return 1 / (1 + np.exp(-x))


def test_accuracies_by_hand():
    """Class 0: three items, 2/3 right in draw 0 and all in draw 1; class 1: one item, wrong and right."""
    hits = np.array([[1, 1, 0, 0], [1, 1, 1, 1]], dtype=bool)
    accuracy, balanced = intervals.of_hits(hits, np.array([0, 0, 0, 1]), seed=0)
    assert accuracy.value == pytest.approx(6 / 8)
    assert balanced.value == pytest.approx((5 / 6 + 1 / 2) / 2)


@pytest.mark.parametrize("level", [0.8, 3.0])
def test_coverage_over_items_and_draws(level):
    """Crossed effects of items (hard and easy) and draws (lucky and unlucky): the interval holds the true mean about 95 times in 100."""
    rng = np.random.default_rng(0)
    item_sd, draw_sd, n, draws, trials = 1.5, 0.3, 200, 20, 300
    truth = logistic(level + rng.normal(scale=np.hypot(item_sd, draw_sd), size=2_000_000)).mean()
    y = np.arange(n) % 4
    held = np.zeros(2)
    for _ in range(trials):
        p = logistic(level + rng.normal(scale=item_sd, size=n) + rng.normal(scale=draw_sd, size=(draws, 1)))
        for i, evidence in enumerate(intervals.of_hits(rng.uniform(size=(draws, n)) < p, y, seed=0)):
            low, high = evidence.interval()
            held[i] += low <= truth <= high
    # 95 % less 2.8 standard errors of 300 trials; above, as the two-way bootstrap counts what is neither item's nor draw's up to thrice
    assert np.all(held / trials > 0.915) and np.all(held / trials < 0.995)


def test_coverage_of_paired_differences_and_what_pairing_buys():
    """Two methods that agree on which items are hard; the second is better by a constant shift in log-odds."""
    rng = np.random.default_rng(1)
    n, trials, held, widths = 200, 300, 0, []
    hard = rng.normal(scale=3.0, size=2_000_000)
    truth = logistic(1.5 + hard).mean() - logistic(1.0 + hard).mean()
    for _ in range(trials):
        item, u = rng.normal(scale=3.0, size=n), rng.uniform(size=(1, n))
        one, two = (intervals.of_hits(u < logistic(level + item), np.zeros(n, int), seed=0)[0] for level in (1.5, 1.0))
        low, high = one.minus(two).interval()
        held += low <= truth <= high
        ends = one.interval(), two.interval()
        widths.append((high - low) / np.hypot(ends[0][1] - ends[0][0], ends[1][1] - ends[1][0]))
    assert 0.91 < held / trials < 0.985
    assert np.mean(widths) < 0.5


def test_coverage_over_training_seeds():
    """Five seeds that differ, measured on the same items; the target is the mean over all seeds and items."""
    rng = np.random.default_rng(2)
    n, trials, held = 300, 300, 0
    for _ in range(trials):
        item = rng.uniform(0.5, 1.0, size=n)
        shift = rng.normal(scale=0.04, size=5)
        hits = [rng.uniform(size=(1, n)) < np.clip(item + s, 0, 1) for s in shift]
        low, high = intervals.joined([intervals.of_hits(h, np.zeros(n, int), seed=0)[0] for h in hits]).interval()
        held += low <= 0.75 <= high
    assert 0.92 < held / trials < 0.995  # the two sources of error are counted a little twice


def test_seeds_count_from_three_on():
    replicates = np.full(intervals.REPLICATES, 0.5)
    assert Evidence(np.array([0.4, 0.6]), replicates).interval() == (0.5, 0.5)
    low, high = Evidence(np.array([0.4, 0.5, 0.6]), replicates).interval()
    assert high - 0.5 == pytest.approx(4.30265 * 0.1 / np.sqrt(3), rel=1e-4)  # Student's t with 2 degrees of freedom
    assert low == pytest.approx(1 - high)


def test_all_right_is_not_certainty():
    """20 of 20: the exact two-sided bound is .025^(1/20) = .832."""
    accuracy, balanced = intervals.of_hits(np.ones((3, 20), dtype=bool), np.arange(20) % 2, seed=0)
    low, high = accuracy.interval(0.0, 1.0)
    assert low == pytest.approx(0.025 ** (1 / 20), abs=0.03) and high == 1.0
    assert balanced.value == 1.0
    assert intervals.of_hits(np.zeros((3, 20), dtype=bool), np.arange(20) % 2, seed=0)[0].interval(0.0, 1.0)[1] == pytest.approx(
        0.168, abs=0.03
    )


def test_jackknife_of_a_mean_is_students_interval():
    """For a mean of g groups the jackknife's standard error is the usual one."""
    x = np.random.default_rng(0).normal(size=16)
    without = np.array([np.delete(x, g).mean() for g in range(16)])
    evidence = intervals.jackknife(x.mean(), without, seed=0)
    low, high = evidence.interval()
    assert (high - low) / 2 == pytest.approx(2.131 * x.std(ddof=1) / 4, rel=0.08)  # 1000 replicates: 4 % of noise


def test_resamplings_are_the_same_for_all():
    assert intervals.resamplings(50, 3) is intervals.resamplings(50, 3)
    assert np.all(intervals.resamplings(50, 3).sum(1) == 50)
    before = intervals.resamplings(50, 3)
    intervals.resamplings.cache_clear()
    assert np.array_equal(before, intervals.resamplings(50, 3)) and not np.array_equal(before, intervals.resamplings(50, 4))
