"""R^2, top-k and average precision against hand-worked numbers and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, r2_score

from allegory.questions import answers

RANDOM = np.random.default_rng(0)


def test_r2_by_hand():
    """Truth 1, 2, 3, 6 (mean 3, squares 4 + 1 + 0 + 9 = 14), told 1, 2, 4, 5: 1 - 2 / 14."""
    found = answers.r2(torch.tensor([1.0, 2.0, 4.0, 5.0]), torch.tensor([1.0, 2.0, 3.0, 6.0]), 0)
    assert found.value == pytest.approx(1 - 2 / 14)


def test_r2_is_scikit_learns_far_from_zero_and_its_interval_covers():
    truth = RANDOM.normal(size=400) + 1e6
    told = truth + 0.5 * RANDOM.normal(size=400)
    found = answers.r2(torch.as_tensor(told), torch.as_tensor(truth), 0)
    assert found.value == pytest.approx(r2_score(truth, told), abs=1e-6)
    low, high = found.interval()
    assert low < 0.75 < high and 0.03 < high - low < 0.15  # 1 - .25


def test_r2_of_constant_truth_does_not_crash():
    y = torch.full((5,), 2.0)
    assert answers.r2(y, y, 0).value == 0.0 and answers.r2(y + 1, y, 0).value == -1e6


def test_top_by_hand():
    """The class has rank 1, 2, 3; in the last row all scores are equal, which is no answer."""
    scores = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [0.0, 0.0, 0.0]])
    truth = torch.tensor([0, 1, 2, 0])
    assert [answers.top(scores, truth, k, 0).value for k in (1, 2, 3)] == [0.25, 0.5, 1.0]


def test_average_precision_by_hand():
    """Surest first: yes, no, yes: (1/2) 1 + (1/2) 2/3. With the first two tied: (1/2) 1/2 + (1/2) 2/3. One item left out: 1."""
    truth = np.array([True, False, True])
    assert answers.average_precision(np.array([3.0, 2.0, 1.0]), truth)[0] == pytest.approx(1 / 2 + 1 / 3)
    assert answers.average_precision(np.array([3.0, 3.0, 1.0]), truth)[0] == pytest.approx(1 / 4 + 1 / 3)
    assert answers.average_precision(np.array([3.0, 2.0, 1.0]), truth, np.array([[1.0, 0.0, 1.0]]))[0] == 1.0


def test_average_precision_is_scikit_learns():
    scores, truth = RANDOM.integers(0, 20, 300).astype(float), RANDOM.random(300) < 0.3
    weight = RANDOM.random(300)
    assert answers.average_precision(scores, truth)[0] == pytest.approx(average_precision_score(truth, scores))
    theirs = average_precision_score(truth, scores, sample_weight=weight)
    assert answers.average_precision(scores, truth, weight[None])[0] == pytest.approx(theirs)


def test_mean_precision_leaves_out_what_is_not_known():
    """Label 0: yes, no, yes as above, with a row that is not known on top; label 1 never holds."""
    scores = torch.tensor([[9.0, 1.0], [3.0, 1.0], [2.0, 1.0], [1.0, 1.0]])
    truth = torch.tensor([[-1, 0], [1, 0], [0, 0], [1, -1]])
    assert answers.mean_precision(scores, truth, 0).value == pytest.approx(1 / 2 + 1 / 3)


def test_the_interval_of_mean_precision_is_that_of_resamplings():
    """Against 300 fresh samples of the same size: the width of the interval is 3.92 of their standard deviations, within a third."""

    def sample(rng):
        truth = (rng.random((400, 3)) < 0.4).astype(np.int64)
        return torch.as_tensor(truth + rng.normal(size=(400, 3))), torch.as_tensor(truth)

    values = [answers.mean_precision(*sample(np.random.default_rng(i)), 0) for i in range(300)]
    spread = np.std([v.value for v in values])
    width = np.mean([np.ptp(v.interval()) for v in values[:20]])
    assert width == pytest.approx(3.92 * spread, rel=0.33)
