"""Temperature, calibration error and intervals, by numbers worked by hand."""

import math

import numpy as np
import pytest
import torch

from allegory.adapting.calibration import log_loss, probabilities, radius, reliability, temperature
from allegory.adapting.readers import Standard
from allegory.adapting.spread import spread


def test_expected_calibration_error_by_hand():
    """Two items at 0.95, one right; two at 0.55, both right: 0.5 |0.5 - 0.95| + 0.5 |1 - 0.55| = 0.45."""
    p = torch.tensor([[0.95, 0.05], [0.95, 0.05], [0.45, 0.55], [0.45, 0.55]], dtype=torch.float64)
    found = reliability(p, torch.tensor([0, 1, 1, 1]), "class")
    assert found.counts == (2, 2)
    assert found.confidence == pytest.approx((0.55, 0.95)) and found.right == pytest.approx((1.0, 0.5))
    assert found.error == pytest.approx(0.45)


def test_labels_are_counted_one_by_one_and_unknown_ones_not():
    p = torch.tensor([[0.9, 0.3], [0.9, 0.3]], dtype=torch.float64)
    found = reliability(p, torch.tensor([[1, 0], [0, -1]]), "multi-label")
    assert found.counts == (1, 2)
    assert found.error == pytest.approx((1 * 0.3 + 2 * 0.4) / 3)


def test_log_loss_by_hand():
    outputs = torch.tensor([[math.log(3.0), 0.0]], dtype=torch.float64)
    assert log_loss(outputs, torch.tensor([0]), "class") == pytest.approx(math.log(4 / 3))
    assert log_loss(outputs, torch.tensor([1]), "class") == pytest.approx(math.log(4))
    assert log_loss(outputs * 2, torch.tensor([1]), "class", temperature=2.0) == pytest.approx(math.log(4))
    labels = torch.tensor([[1, -1]])
    assert log_loss(outputs, labels, "multi-label") == pytest.approx(math.log(4 / 3)), "the second label is not known"


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_the_temperature_that_made_the_logits_too_sharp_is_found(true):
    """Classes drawn from softmax(logits / T)."""
    rng = np.random.default_rng(0)
    logits = torch.as_tensor(rng.normal(size=(4000, 5)) * 3)
    p = probabilities(logits, "class", true).numpy()
    y = torch.as_tensor((p.cumsum(1) < rng.uniform(size=(4000, 1))).sum(1).clip(0, 4))
    found = temperature(logits, y, "class")
    assert found == pytest.approx(true, rel=0.08)
    before, after = (reliability(probabilities(logits, "class", t), y, "class").error for t in (1.0, found))
    assert after < 0.03 and (true == 1.0 or after < before / 3)


def test_a_few_right_answers_do_not_make_it_certain():
    logits = torch.eye(3, dtype=torch.float64) * 4
    found = temperature(logits, torch.arange(3), "class")
    assert 0.5 < found <= 1.0
    assert temperature(logits, torch.tensor([1, 2, 0]), "class") > 2.0


def test_the_conformal_radius_is_a_rank():
    """ceil(20 x 0.9) = 18th smallest of 19 residuals; with 8 there is none, and Student's bound stands in."""
    residuals = np.random.default_rng(0).permutation(np.arange(1.0, 20.0))
    assert radius(residuals) == 18.0
    assert radius(np.arange(1.0, 10.0)) == 9.0, "ceil(10 x 0.9) = 9 of 9"
    assert radius(np.ones(8)) == pytest.approx(1.8946 * math.sqrt(9 / 8), rel=1e-4)


def test_intervals_follow_the_item_and_still_hold():
    """The noise grows with the first number of the code: wide intervals there, narrow ones elsewhere, 90 % of new items inside."""
    rng = np.random.default_rng(1)

    def drawn(n):
        z = rng.normal(size=(n, 3)).astype(np.float32)
        return torch.as_tensor(z), rng.normal(size=n) * np.exp(z[:, 0])

    z, residuals = drawn(800)
    head, scaled = spread(z, residuals, Standard.of(z))
    half = radius(scaled)
    new, errors = drawn(4000)
    wide = np.exp(head(new)[:, 0].numpy())
    assert np.mean(np.abs(errors) <= half * wide) == pytest.approx(0.9, abs=0.02)
    assert np.corrcoef(np.log(wide), new[:, 0].numpy())[0, 1] > 0.95
    loud = new[:, 0].numpy() > 1
    assert np.mean((np.abs(errors) <= half * wide)[loud]) > 0.8, "one width for all would hold a half of these"


def test_where_nothing_tells_the_spread_it_is_one_width():
    rng = np.random.default_rng(2)
    z = torch.as_tensor(rng.normal(size=(200, 20)).astype(np.float32))
    head, _ = spread(z, rng.normal(size=200), Standard.of(z))
    assert head(z).std() < 0.15
    few, scaled = spread(z[:20], np.arange(20.0) - 10, Standard.of(z))
    assert few(z).abs().max() == 0 and scaled.max() == 10
