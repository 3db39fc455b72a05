import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers.learned import learned, vae

import allegory as al
from allegory.measures import densities
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.given_back import Terms, flat
from allegory.questions.nature.likelihood import APART, PPCA, Likelihood, black_and_white, evidence, log_density


def test_evidence_by_hand():
    """-3 and -5 nats of 4 numbers: 4 nats are 4 / (4 log 2) bits a number; less likely is more bits."""
    found = evidence(np.array([-3.0, -5.0]), 4, seed=0)
    assert found["log_likelihood"].value == -4.0
    assert found["bits_per_dimension"].value == pytest.approx(1 / math.log(2))
    low, high = found["bits_per_dimension"].interval()
    assert low <= 1 / math.log(2) <= high


@pytest.fixture(scope="module")
def scores():
    return put(vae(), [Likelihood(learned=600)])


def test_everything_is_in_nats_of_the_same_levels(scores):
    """17 levels and 64 pixels: a uniform distribution has 64 log 17 = 181 nats; pixels apart are a proper distribution and beat it."""
    uniform = -64 * math.log(17)
    apart, ppca = scores.get("log_likelihood", APART), scores.get("log_likelihood", PPCA)
    assert uniform < apart.value < 0 and apart.low < apart.value < apart.high
    assert uniform < ppca.value < -40
    assert scores.get("bits_per_dimension", APART).value == pytest.approx(-apart.value / (64 * math.log(2)))
    assert scores.get("gain in log_likelihood", "untrained").low > 0


def test_a_density_is_asked_at_dequantised_items_and_told_in_nats_of_levels(scores):
    features = vae()
    terms, test = Terms.of(features), features.parts["test"]
    seen = terms.seen(features, test)
    moved = densities.dequantised(flat(seen), 0.125, np.random.default_rng([0, 51])).float().view(seen.shape)
    found = log_density(terms.rep, moved, 0)
    assert scores.get("log_likelihood").value == pytest.approx(float(found.values.mean()) + 64 * math.log(0.125), rel=1e-6)
    assert found.kind == "lower bound" and found.levels is None
    assert any("a lower bound of the logarithm of the probability of 17 levels" in note for note in scores.notes)
    assert "nats of log likelihood" in Likelihood().words(scores)


def test_two_level_likelihoods_of_grey_pixels_are_of_black_and_white_draws():
    scores = put(learned("VAE", "digits", 5, latent=2, likelihood="bernoulli", encoder="mlp-plain", decoder="mlp"), [Likelihood()])
    assert "2 levels of black and white draws of the pixels" in " ".join(scores.notes)
    # after five steps, and after none, still near 64 fair coins; a histogram of each pixel knows better, and the blank corners are certain
    untrained, apart = scores.get("log_likelihood", "untrained").value, scores.get("log_likelihood", APART).value
    assert untrained == pytest.approx(-64 * math.log(2), rel=0.2) and -40 < apart < -20 < 0


def test_a_bound_stands_beside_its_importance_estimate(scores):
    """Both of the same model: the estimate is above the bound, and by no more than the nats that a posterior of few latents may miss."""
    bound, estimate = scores.get("log_likelihood").value, scores.get("estimate").value
    assert bound < estimate < bound + 40


def of_vectors(x):
    rep = al.learn(x, al.VAE(latent=1), steps=5, seed=0)
    return gather(rep, al.load(x), controls=("untrained",))[0]


def test_continuous_data_have_densities_of_standardised_columns():
    """Columns of any unit: standardised, a Gaussian each has about -(1 + log 2 pi) / 2 nats."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=400)
    x = np.stack([1000.0 * z, 5 + 0.01 * (z + 0.1 * rng.normal(size=400)), rng.normal(size=400)], 1)
    scores = put(of_vectors(x), [Likelihood()])
    assert scores.get("log_likelihood", APART).value == pytest.approx(-1.5 * (1 + math.log(2 * math.pi)), abs=0.35)
    assert scores.get("gain in log_likelihood", APART).value == pytest.approx(
        scores.get("log_likelihood").value - scores.get("log_likelihood", APART).value
    )
    assert "density of standardised columns" in scores.notes[0]


def test_a_constant_column_has_no_density():
    x = np.random.default_rng(0).normal(size=(200, 3))
    x[:, 1] = 4.0
    scores = put(of_vectors(x), [Likelihood()])
    assert len(scores) == 0 and "1 of 3 numbers never vary" in " ".join(scores.notes)


def test_who_has_no_density_is_told(make_features):
    assert "log density" in put(make_features(), [Likelihood()]).notes[0]
    features = vae()
    none = dataclasses.replace(features, parts=dict(features.parts) | {"test": torch.zeros(0, dtype=torch.long)})
    assert "no test items" in put(none, [Likelihood()]).notes[0]


def test_a_pixel_is_drawn_white_as_often_as_it_is_bright():
    drawn = black_and_white(torch.full((20_000, 1), 0.5).double(), np.random.default_rng(0))
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    assert float((drawn > 0).double().mean()) == pytest.approx(0.75, abs=0.016)  # five standard errors
