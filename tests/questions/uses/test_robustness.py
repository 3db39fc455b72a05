"""What noise and missing numbers cost: a threshold whose losses are known, sturdy and fragile codes, hostile ones."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from allegory import data
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.uses.robustness import Robustness


@pytest.fixture(scope="module")
def signs():
    """Four equal columns, -1 in one class and 1 in the other, and four that say nothing."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 4000)
    x = np.concatenate([np.repeat(2.0 * y[:, None] - 1.0, 4, 1), 0.5 * rng.standard_normal((4000, 4))], 1)
    return data.open_source(x, labels=[str(c) for c in y])


def asked(f, source, controls=(), **settings):
    features, _ = gather(f, source, controls)
    return put(features, [Robustness(most=2000, **settings)])


def test_one_column_loses_what_the_normal_distribution_says(signs):
    """Noise of s standard deviations (1 here) sends x = 1 below 0 with probability Phi(-1 / s); a missing one is guessed, half rightly."""
    scores = asked(lambda x: x[:, :1], signs)
    n = scores.get("clean_accuracy").n
    assert scores.get("clean_accuracy").value == 1.0
    expected = {s: float(stats.norm.cdf(1.0 / s)) for s in (0.25, 0.5, 1.0)}
    for s, right in expected.items():
        assert scores.get(f"noisy_accuracy@{s:g}").value == pytest.approx(right, abs=4.0 * np.sqrt(right * (1.0 - right) / n) + 1e-3)
    assert scores.get("masked_accuracy@0.5").value == pytest.approx(0.75, abs=0.06)
    assert scores.get("lost@noise").value == pytest.approx(1.0 - np.mean(list(expected.values())), abs=0.015)
    low, high = scores.get("lost@missing").low, scores.get("lost@missing").high
    assert low < scores.get("lost@missing").value < high


def test_a_code_that_pools_loses_less(signs):
    """The mean of four halves the noise: Phi(2) at one standard deviation; half of eight columns leave it at least in 1 - 1/70 of the
    items, as only 1 of the 70 ways to lose 4 of 8 takes all four."""
    one, four = (asked(lambda x, k=k: x[:, :k].mean(1, keepdims=True), signs) for k in (1, 4))
    assert four.get("noisy_accuracy@1").value == pytest.approx(float(stats.norm.cdf(2.0)), abs=0.02)
    assert four.get("masked_accuracy@0.5").value > 0.97
    assert four.get("lost@missing").value < one.get("lost@missing").value - 0.2


def test_images_beside_the_raw_input_and_what_is_drawn():
    source = data.open_source("digits").subset(np.arange(700))
    scores = asked(lambda x: x.reshape(len(x), -1)[:, 16:48].astype(float), source, ("raw input", "pca"))
    assert {s.control for s in scores} == {None, "raw input"}  # PCA is not asked
    assert scores.get("noisy_accuracy@0.38").value < scores.get("noisy_accuracy@0.08").value
    assert scores.get("gain in noisy_accuracy@0.38", "raw input") is not None
    (picture,) = scores.pictures["robustness"]
    assert [c.name for c in picture.curves] == ["this method", "raw input"]
    assert picture.curves[0].x == (0.0, 0.08, 0.18, 0.38) and picture.level == 0.1
    assert picture.curves[0].y[3] == scores.get("noisy_accuracy@0.38").value
    assert "% right on clean items, noise costs" in Robustness().words(scores)


def test_it_is_the_same_twice(signs):
    one, two = (asked(lambda x: x[:, :2], signs).get("lost@noise").value for _ in range(2))
    assert one == two


def test_hostile_codes(signs):
    still = asked(lambda x: np.ones((len(x), 2)), signs)
    assert still.get("lost@noise").value == 0.0 and still.get("clean_accuracy").value == pytest.approx(0.5, abs=0.1)
    broken = asked(lambda x: np.where((np.abs(x[:, :1]) == 1.0), x[:, :1], np.nan), signs)
    assert "NaN or infinite" in broken.notes[0]
    features, _ = gather(np.zeros((len(signs), 3)), signs, ())
    assert "method that can encode" in put(features, [Robustness()]).notes[0]
    bare, _ = gather(lambda x: x, signs, ())
    assert "without their items" in put(dataclasses.replace(bare, source=None), [Robustness()]).notes[0]
    few = data.open_source(np.random.default_rng(0).normal(size=(12, 3)), labels=list("ab") * 6)
    assert Robustness().words(asked(lambda x: x, few)) or asked(lambda x: x, few).notes
