"""Rates and distortions of models that are known, and of those that beta-VAE must learn."""

import math

import numpy as np
import pytest
import torch

import allegory as al
from allegory.core import Optim
from allegory.methods.latent.annealed_vae import AnnealedVAE
from allegory.methods.latent.beta_vae import BetaVAE
from allegory.methods.latent.vae import VAE
from allegory.questions import Score, Scores, put
from allegory.questions.gathering import gather
from allegory.questions.nature.rate_distortion import RateAndDistortion, curve, learned_again, swept

W, SLOPE, VARIANCE = 2.0, 0.2, 1 / 3  # p(x|z) = N((W z, W z), 1), q(z|x) = N(SLOPE (x1 + x2), VARIANCE)
CORRELATION = 0.9


def pairs(n=2000):
    """Two numbers of variance 1 and correlation .9: their directions have the variances 1.9 and .1."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 2)) @ np.linalg.cholesky([[1.0, CORRELATION], [CORRELATION, 1.0]]).T
    return x.astype(np.float32)


def linear(method, x, **said):
    return al.learn(
        x, method(latent=1, likelihood="gaussian", encoder="linear", decoder="linear", **said.pop("fields", {})), seed=0, **said
    )


@pytest.fixture(scope="module")
def known():
    """Features of a VAE that is known, and its test items as it sees them."""
    x = pairs()
    rep = linear(VAE, x, steps=1)
    rep.intake.rules["at_"].mean.zero_(), rep.intake.rules["at_"].scale.fill_(1.0)
    with torch.no_grad():
        rep.net.posterior.weight.copy_(torch.tensor([[SLOPE, SLOPE], [0.0, 0.0]]))
        rep.net.posterior.bias.copy_(torch.tensor([0.0, math.log(VARIANCE)]))
        rep.net.decoder.layer.weight.fill_(W)
        rep.net.decoder.layer.bias.zero_()
    source = al.load(x)
    return gather(rep, source, controls=())[0], source.take(source.part("test")).astype(np.float64)


def test_a_point_by_hand(known):
    """R = mean of (mu^2 + v - log v - 1) / 2; D = log 2 pi + mean over items of (|x - W mu|^2 + 2 W^2 v) / 2, at one draw an item."""
    features, x = known
    scores = put(features, [RateAndDistortion()])
    mu = SLOPE * x.sum(1)
    rate = (mu**2 + VARIANCE - math.log(VARIANCE) - 1).mean() / 2
    distortion = math.log(2 * math.pi) + (np.square(x - W * mu[:, None]).sum(1) + 2 * W**2 * VARIANCE).mean() / 2
    assert scores.get("rate").value == pytest.approx(rate, abs=1e-5)
    # The draws: W^2 v (e^2 - 1) has a standard deviation of about 2 nats an item, over some 400 items.
    assert scores.get("distortion").value == pytest.approx(distortion, abs=0.35)
    bound = features.sets[None].reps[0].log_density(features.stored(features.parts["test"]))
    assert -(scores.get("rate").value + scores.get("distortion").value) == pytest.approx(float(bound.values.mean()), abs=0.4)


def test_a_method_without_a_dial_has_a_point_and_says_so(known):
    features, _ = known
    scores = put(features, [RateAndDistortion()])
    assert [s.metric for s in scores] == ["rate", "distortion"] and swept(scores) == []
    assert any("no dial" in note for note in scores.notes)
    assert "; likelihood gaussian; data " in scores[0].protocol
    (picture,) = scores.pictures["rate_distortion"]
    assert [c.name for c in picture.curves] == ["this method"]
    assert "From" not in RateAndDistortion().words(scores)


@pytest.fixture(scope="module")
def learned():
    x = pairs()
    rep = linear(BetaVAE, x, steps=2000, optim=Optim(lr=1e-2), fields={"beta": 0.5})
    return gather(rep, al.load(x), controls=())[0]


def test_the_curve_of_a_gaussian_is_shannons(learned):
    """A linear beta-VAE of unit noise keeps the directions of variance above beta: R = log(1.9 / beta) / 2, D = log 2 pi + (.1 + beta) / 2
    (reverse water-filling). A reversed sign, a beta on the wrong term or a half too much would leave the curve."""
    values = (0.5, 1.0, 1.6)
    scores = put(learned, [RateAndDistortion(values=values)])
    points = swept(scores)
    assert [p.name for p in points] == [f"beta {v:g}" for v in values]
    for beta, p in zip(values, points, strict=True):
        assert p.rate.value == pytest.approx(math.log((1 + CORRELATION) / beta) / 2, abs=0.04)
        assert p.distortion.value == pytest.approx(math.log(2 * math.pi) + (1 - CORRELATION + beta) / 2, abs=0.04)
    rates, distortions = [p.rate.value for p in points], [p.distortion.value for p in points]
    assert rates == sorted(rates, reverse=True) and distortions == sorted(distortions)
    assert (points[0].rate.value, points[0].distortion.value) == (scores.get("rate").value, scores.get("distortion").value)
    assert min(points, key=lambda p: p.total).name == "beta 1"  # the bound is best where a nat costs a nat


def test_it_learns_again_as_it_was_learned(learned):
    rep = learned.sets[None].reps[0]
    again = learned_again(rep, learned, "beta", 0.5)
    assert torch.equal(again.net.posterior.weight, rep.net.posterior.weight)
    assert not torch.equal(learned_again(rep, learned, "beta", 2.0).net.posterior.weight, rep.net.posterior.weight)


def test_capacity_is_a_dial_too():
    x = pairs()
    rep = linear(AnnealedVAE, x, steps=800, optim=Optim(lr=1e-2), fields={"capacity": 1.0})
    scores = put(gather(rep, al.load(x), controls=("untrained",))[0], [RateAndDistortion(values=(0.5, 1.5))])
    assert [p.rate.value for p in swept(scores)] == pytest.approx([0.5, 1.5], abs=0.1)
    assert scores.get("rate", "untrained") is not None and scores.get("rate@capacity 0.5", "untrained") is None


def told(*points):
    """Scores of (metric's ending, rate, distortion)."""
    return Scores(
        Score("rate_distortion", f"{name}{end}", v, v - 1, v + 1, 9, 1, "test", None, "")
        for end, rate, distortion in points
        for name, v in (("rate", rate), ("distortion", distortion))
    )


def test_words_and_picture_by_hand():
    """This model takes 2 + 30 = 32 nats, beta 1 only 28; the line of 32 nats runs from rate 2 (30) to rate 8, where 20 is the least: 24."""
    scores = told(("", 2.0, 30.0), ("@beta 1", 8.0, 20.0), ("@beta 4", 2.0, 30.0))
    words = RateAndDistortion().words(scores)
    assert "takes 2.0 nats and leaves 30.0 to be said, 32.0 in all" in words
    assert "From beta 1 to beta 4 the rate goes from 8.0 to 2.0 and the distortion from 20.0 to 30.0" in words
    assert "the fewest in all are 28.0 at beta 1, 4.0 less than this model's" in words
    own, along, level = curve(scores).curves
    assert (own.x, own.y, own.low, own.high) == ((2.0,), (30.0,), (29.0,), (31.0,))
    assert (along.name, along.x, along.y) == ("beta 4 (left) to beta 1 (right)", (2.0, 8.0), (30.0, 20.0))
    assert (level.x, level.y, level.marked) == ((2.0, 8.0), (30.0, 24.0), False)
