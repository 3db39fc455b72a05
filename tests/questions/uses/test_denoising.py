"""Noise taken away: the score by hand, references that know the answer, and methods beside them."""

import dataclasses

import numpy as np
import pytest
import torch

import allegory as al
from allegory.core import Optim
from allegory.methods.latent.vae import VAE
from allegory.methods.spectral.pca import PCA
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.uses import denoising
from allegory.questions.uses.denoising import COMPONENTS, LINEAR, NEAR, SHARE, Denoising

NOISE = 0.5


@pytest.fixture(scope="module")
def source():
    """Eight numbers on a plane of two, without noise of their own."""
    rng = np.random.default_rng(0)
    return al.load(rng.normal(size=(800, 2)) @ np.linalg.qr(rng.normal(size=(8, 2)))[0].T * 3)


@pytest.fixture(scope="module")
def plane(source):
    return gather(al.learn(source, PCA(latent=2), seed=0), source, ("untrained",))[0]


def test_a_projection_on_the_plane_takes_away_three_quarters(plane):
    """Of 8 directions the noise of 6 is dropped, and nothing of the data: 1 - 2 / 8. PCA of the size of a PCA is the same."""
    scores = put(plane, [Denoising(noise=NOISE)])
    own = scores.get(SHARE)
    assert own.value == pytest.approx(0.75, abs=0.03) and own.low < 0.75 < own.high
    assert scores.get(SHARE, COMPONENTS).value == pytest.approx(own.value, abs=1e-3)
    assert scores.get(f"gain in {SHARE}", COMPONENTS).value == pytest.approx(0.0, abs=1e-3)
    assert Denoising().words(scores).startswith(f"Of the noise {own.value:.0%} is taken away (")


def test_the_linear_posterior_mean_is_the_best_of_the_linear(plane):
    """In each direction of variance l it takes away s^2 / (l + s^2) of the noise in expectation, that is all where l is 0."""
    scores = put(plane, [Denoising(noise=NOISE)])
    seen = plane.sets[None].reps[0]
    x = seen.intake(torch.as_tensor(plane.source.take(plane.source.part("train")))).double()
    values, s = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)), NOISE**2 * x.var(0, unbiased=False).mean()
    expected = float((s / (values.clamp_min(0) + s)).mean())
    assert scores.get(SHARE, LINEAR).value == pytest.approx(expected, abs=0.03)
    assert scores.get(SHARE, LINEAR).value > scores.get(SHARE, COMPONENTS).value
    assert 0.4 < scores.get(SHARE, NEAR).value < expected


def test_doing_nothing_is_0_and_forgetting_everything_is_worse(plane, monkeypatch):
    monkeypatch.setattr(denoising, "said_again", lambda rep, x: x)
    assert put(plane, [Denoising(noise=NOISE)]).get(SHARE).value == pytest.approx(0.0, abs=1e-9)
    monkeypatch.setattr(denoising, "said_again", lambda rep, x: torch.zeros_like(x))
    assert put(plane, [Denoising(noise=NOISE)]).get(SHARE).value == pytest.approx(1 - 1 / NOISE**2, abs=0.3)
    monkeypatch.setattr(denoising, "said_again", lambda rep, x: torch.full_like(x, torch.nan))
    assert put(plane, [Denoising(noise=NOISE)]).get(SHARE) is None


def test_mse_is_of_a_number_in_stored_units():
    x = al.load("digits")
    features = gather(al.learn(x, PCA(latent=64), seed=0), x, ())[0]
    scores = put(features, [Denoising(noise=0.5)])
    assert scores.get(SHARE, LINEAR).value > scores.get(SHARE, NEAR).value > 0.2  # pixels whose mean is not 0
    spread = np.asarray(x.take(x.part("train"))).reshape(-1, 64).astype(float).var(0).mean()
    assert scores.get("mse").value == pytest.approx(0.25 * spread, rel=0.05)  # with all directions nothing is taken away


def test_a_network_learns_to(source):
    rep = al.learn(source, VAE(latent=2), steps=300, seed=0, optim=Optim(lr=4e-3))
    scores = put(gather(rep, source, ("untrained",))[0], [Denoising(noise=NOISE)])
    assert scores.get(SHARE).low > 0.4 and scores.get(SHARE, "untrained").value < 0


def test_constant_data_have_no_answer():
    x = dataclasses.replace(al.load(np.ones((120, 3))), parts=np.repeat([0, 1, 2], 40))
    scores = put(gather(al.learn(x, PCA(latent=1), seed=0), x, ())[0], [Denoising()])
    assert scores.get(SHARE) is None
