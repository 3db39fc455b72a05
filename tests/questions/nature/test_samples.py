import dataclasses

import numpy as np
import pytest
import torch
from helpers.learned import vae

from allegory.questions import put
from allegory.questions.nature.samples import GAUSSIAN, REAL, Samples, gaussian_draws


@pytest.fixture(scope="module")
def scores():
    return put(vae(), [Samples(most=200)])


def test_real_data_are_the_floor(scores):
    """Training items in the place of samples: nothing is far, and a classifier guesses."""
    assert abs(scores.get("mmd2", REAL).value) < 0.01 > abs(scores.get("mmd2", REAL).low)
    assert scores.get("told_apart", REAL).low < 0.6 and scores.get("precision", REAL).value > 0.7 < scores.get("recall", REAL).value


def test_samples_of_a_barely_trained_network_are_far(scores):
    for metric in ("mmd2", "energy_distance", "sliced_wasserstein", "told_apart"):
        own, real = scores.get(metric), scores.get(metric, REAL)
        assert own.low > real.high
    assert scores.get("recall").high < scores.get("recall", REAL).low  # blurred samples are inside, and cover little
    assert scores.get("mmd2", "untrained").value > scores.get("mmd2", GAUSSIAN).value
    assert "50 % would be guessing" in Samples().words(scores)


def test_gaussian_draws_have_the_mean_and_covariance():
    x = torch.as_tensor(np.random.default_rng(0).normal(size=(300, 2)) @ np.array([[2.0, 1.0], [0.0, 0.5]]) + [3.0, -1.0])
    drawn = gaussian_draws(x, 20_000, np.random.default_rng(1))
    torch.testing.assert_close(drawn.mean(0), x.mean(0), atol=0.06, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), x.T.cov(), atol=0.12, rtol=0.03)


def test_samples_are_put_on_the_levels_of_the_data():
    """Half a level off is no difference: digits have levels 0 .. 16, an eighth of [-1, 1] apart."""
    from allegory.questions.given_back import Terms

    terms = Terms.of(vae())
    assert terms.levels == 17 and terms.step == 0.125 and terms.scale == 8.0
    x = torch.full((1, 1, 8, 8), -0.93)
    x[0, 0, 0] = 1.4
    got = terms.vectors(x)
    assert got[0, :8].tolist() == [1.0] * 8 and got[0, 8:].tolist() == [-0.875] * 56


def test_who_cannot_sample_is_told(make_features):
    assert "sample" in put(make_features(), [Samples()]).notes[0]
    features = vae()
    few = dataclasses.replace(features, parts=dict(features.parts) | {"test": features.parts["test"][:5]})
    assert "fewer than 32 test items" in put(few, [Samples()]).notes[0]
