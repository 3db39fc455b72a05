"""The price of nats more or less than are allowed."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.latent.annealed_vae import AnnealedVAE


def loss_of(progress, method):
    """q(z|x) = N(2, 1) whatever x: a rate of 2 nats."""
    net = method.build(Array((1,)), 4).double()
    net.body, net.posterior, net.decoder = nn.Identity(), linear([[0.0], [0.0]], [2.0, 0.0]), linear([[0.0]])
    (player,) = method.players(net)
    return player.loss(batch(torch.zeros(5, 1, dtype=torch.float64)), moment(5, progress=progress))


def test_by_hand():
    """x = 0 and a decoder that says 0: distortion log(2 pi) / 2. Rate 2; C = 8 progress / .5: 0, 1 at 1/16, 2 at 1/8, 8 from 1/2 on."""
    method = AnnealedVAE(latent=1, likelihood="gaussian", capacity=8.0, gamma=10.0, ramp=0.5)
    distortion = math.log(2 * math.pi) / 2
    for progress, price in ((0.0, 20.0), (1 / 16, 10.0), (1 / 8, 0.0), (0.5, 60.0), (0.99, 60.0)):
        loss = loss_of(progress, method)
        assert loss.total.item() == pytest.approx(distortion + price, abs=1e-9)
        assert loss.terms["rate"].item() == pytest.approx(2.0) and loss.terms["elbo"].item() == pytest.approx(-distortion - 2.0)


def test_too_few_nats_are_paid_for_like_too_many():
    method = AnnealedVAE(latent=1, likelihood="gaussian", capacity=8.0, gamma=10.0, ramp=0.5)
    less, more = (loss_of(progress, method).total.item() for progress in (1 / 32, 3 / 16))  # C = .5 and 3
    assert less == pytest.approx(more + 5.0, abs=1e-9)  # 1.5 over, 1 under
