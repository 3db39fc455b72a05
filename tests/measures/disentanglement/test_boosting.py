"""Boosting on bins beside scikit-learn's on sorted values."""

import math

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from allegory.measures.disentanglement import boosting


def test_the_first_round_by_hand():
    """Four rows, classes 0 0 0 1, one feature 0 1 2 3: gradients y - 1/4. The cut after 2 removes all of 3 (1/4)^2 + (3/4)^2 = .75; nothing
    is left to cut. The leaves: sum r / sum p (1 - p) = -.25 / .1875 and .75 / .1875, times the rate."""
    x, y = np.arange(4.0)[:, None], np.array([0, 0, 0, 1])
    model = boosting.boost(x, y, 2, np.random.default_rng(0))
    assert model.start == pytest.approx([math.log(1 / 3)])
    assert model.cuts[0].tolist() == [0.5, 1.5, 2.5]
    assert (model.feature[0, 0, 0], model.cut[0, 0, 0]) == (0, 2)
    assert model.leaf[0, 0, [0, 4]] == pytest.approx([-0.1 * 0.25 / 0.1875, 0.1 * 0.75 / 0.1875])
    assert model.classes(np.array([[-5.0], [2.4], [2.6]])).tolist() == [0, 0, 1]
    residuals = [0.75]  # what is left falls by e^-step a round; the gain of each round is the square of what is left
    assert model.gains[0] > residuals[0] and model.gains[0] < 0.75 * boosting.ROUNDS


@pytest.mark.parametrize("classes", [2, 4])
def test_it_is_scikit_learns_where_every_value_has_a_cut(classes):
    rng = np.random.default_rng(classes)
    x = rng.integers(0, 9, (400, 3)).astype(float)
    y = np.minimum((x[:, 0] + 0.5 * x[:, 1] + rng.normal(size=400)).clip(0) // 3, classes - 1).astype(np.int64)
    ours = boosting.boost(x, y, classes, np.random.default_rng(0))
    theirs = GradientBoostingClassifier(random_state=0).fit(x, y)
    assert ours.gains / ours.gains.sum() == pytest.approx(theirs.feature_importances_, abs=0.01)  # ties are broken at random by both
    new = rng.integers(0, 9, (300, 3)).astype(float)
    assert (ours.classes(new) == theirs.predict(new)).mean() > 0.97


def test_outputs_that_are_grown_apart_are_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(120, 3)), rng.integers(0, 3, 120)
    together = boosting.boost(x, y, 3, np.random.default_rng(1)).gains
    monkeypatch.setattr(boosting, "AT_ONCE", 1)
    assert boosting.boost(x, y, 3, np.random.default_rng(1)).gains == pytest.approx(together)


def test_equal_features_share_and_a_constant_one_gets_nothing():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    signal = y + rng.normal(size=300)
    gains = boosting.boost(np.stack([signal, signal, np.ones(300)], 1), y, 3, np.random.default_rng(1)).gains
    assert 0.3 < gains[0] / gains.sum() < 0.7 and gains[2] == 0.0
