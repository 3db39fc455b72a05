"""Gaps of models whose posteriors are known."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import allegory as al
from allegory.methods.latent.vae import VAE
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.nature.amortisation import Amortisation

W = 2.0  # p(x|z) = N((W z, W z), 1): the posterior is N(W (x1 + x2) / 9, 1 / 9)


def features_of(slope, variance):
    """A VAE whose decoder is known and whose encoder says N(slope (x1 + x2), variance)."""
    rng = np.random.default_rng(0)
    x = (W * rng.normal(size=(600, 1)) + rng.normal(size=(600, 2))).astype(np.float32)
    rep = al.learn(x, VAE(latent=1, likelihood="gaussian", encoder="linear", decoder="linear"), steps=1, seed=0)
    rule = rep.intake.rules["at_"]
    rule.mean.zero_(), rule.scale.fill_(1.0)
    with torch.no_grad():
        rep.net.posterior.weight.copy_(torch.tensor([[slope, slope], [0.0, 0.0]]))
        rep.net.posterior.bias.copy_(torch.tensor([0.0, math.log(variance)]))
        rep.net.decoder.layer.weight.fill_(W)
        rep.net.decoder.layer.bias.zero_()
    assert isinstance(rep.net.body, nn.Module)
    return gather(rep, al.load(x), controls=())[0]


def test_an_encoder_that_is_right_loses_nothing():
    scores = put(features_of(W / 9, 1 / 9), [Amortisation(most=64, steps=60)])
    assert scores.get("amortisation_gap").value == pytest.approx(0.0, abs=0.06)
    assert scores.get("approximation_gap").value == pytest.approx(0.0, abs=0.05)


def test_an_encoder_that_is_too_wide_loses_the_divergence():
    """A variance of 1/3 for 1/9: KL = (3 - 1 - log 3) / 2 = .4507 nats. A gap with its sign turned would be below 0."""
    scores = put(features_of(W / 9, 1 / 3), [Amortisation(most=64)])
    assert scores.get("amortisation_gap").value == pytest.approx((3 - 1 - math.log(3)) / 2, abs=0.05)
    assert scores.get("approximation_gap").value == pytest.approx(0.0, abs=0.06)
    assert "0.4" in Amortisation().words(scores)
