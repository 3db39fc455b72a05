"""Beta weighs the nats of the rate, summed over latents, and nothing else."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.latent.beta_vae import BetaVAE


def loss_of(beta):
    """Two latents N(1, 1) and N(0, 4) for every x, and a decoder that says 0: rate (1/2) + (3 - log 4)/2."""
    method = BetaVAE(beta=beta, latent=2, likelihood="gaussian")
    net = method.build(Array((3,)), 4).double()
    net.body, net.posterior = nn.Identity(), linear([[0.0] * 3] * 4, [1.0, 0.0, 0.0, math.log(4.0)])
    net.decoder = linear([[0.0, 0.0]] * 3)
    (player,) = method.players(net)
    return player.loss(batch(torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]).double()), moment(2))


def test_the_loss_by_hand():
    rate = 0.5 + (3 - math.log(4.0)) / 2
    distortion = ((5 + 1) / 2) / 2 + 1.5 * math.log(2 * math.pi)  # half the squares 5 and 1, mean of two; three dimensions
    loss = loss_of(4.0)
    assert loss.terms["rate"].item() == pytest.approx(rate, abs=1e-9)
    assert loss.terms["distortion"].item() == pytest.approx(distortion, abs=1e-9)
    assert loss.total.item() == pytest.approx(distortion + 4 * rate, abs=1e-9)
    wrong = (4 * distortion + rate, distortion + 4 * rate / 2, distortion + 4 * rate / 3, distortion - 4 * rate, distortion + 2 * rate)
    assert min(abs(loss.total.item() - w) for w in wrong) > 0.1


def test_beta_1_is_the_vae_and_the_reported_bound_has_no_beta():
    one, four = loss_of(1.0), loss_of(4.0)
    assert one.total.item() == pytest.approx(-one.terms["elbo"].item(), abs=1e-12)
    assert four.terms["elbo"].item() == pytest.approx(one.terms["elbo"].item(), abs=1e-12)
