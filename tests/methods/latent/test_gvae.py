"""The content of a pair is the average of both posteriors, and style stays each item's own."""

import math

import pytest
import torch
from helpers.moments import linear, moment
from torch import nn

from allegory.core import Array, Batch
from allegory.methods.latent.gvae import GVAE
from allegory.methods.latent.mlvae import MLVAE


def rate_of(method):
    """x1 = (0, 1), x2 = (2, 3); mu = x. Variances: 1 and 3 for content, as log 3 x / 2; 1 for style."""
    net = method.build(Array((2,)), 4).double()
    net.body, net.decoder = nn.Identity(), linear([[0.0, 0.0], [0.0, 0.0]])
    net.posterior = linear([[1.0, 0.0], [0.0, 1.0], [math.log(3.0) / 2, 0.0], [0.0, 0.0]])
    x, partner = torch.tensor([[0.0, 1.0]]).double(), torch.tensor([[2.0, 3.0]]).double()
    (player,) = method.players(net)
    loss = player.loss(Batch(x, x, torch.arange(1), None, partner), moment(1))
    assert loss.total.item() == pytest.approx((loss.terms["distortion"] + method.beta * loss.terms["rate"]).item(), abs=1e-9)
    return loss.terms["rate"].item()


STYLE = (0.5 * 1 + 0.5 * 9) / 2


def test_the_average_by_hand():
    """Content N(1, 2) for both: (1 + 2 - log 2 - 1) / 2 nats."""
    assert rate_of(GVAE(latent=2, likelihood="gaussian")) == pytest.approx((2 - math.log(2.0)) / 2 + STYLE, abs=1e-9)


def test_the_product_by_hand():
    """Content: precision 1 + 1/3, so variance 3/4; mean 3/4 (0 + 2/3) = 1/2. (1/4 + 3/4 - log(3/4) - 1) / 2 nats."""
    assert rate_of(MLVAE(latent=2, likelihood="gaussian")) == pytest.approx(-math.log(0.75) / 2 + STYLE, abs=1e-9)


def test_how_many_are_content():
    none = rate_of(GVAE(latent=2, likelihood="gaussian", content=0, beta=4.0))
    assert none == pytest.approx((0.0 + 0.5 * (4 + 3 - math.log(3.0) - 1)) / 2 + STYLE, abs=1e-9)


def test_the_variance_follows_the_errors_of_both_items():
    """A decoder that says 0: squares 0 + 1 of the first item and 4 + 9 of the second, over four numbers."""
    method = GVAE(latent=2, likelihood="sigma")
    net = method.build(Array((2,)), 4).double()
    net.body, net.decoder = nn.Identity(), linear([[0.0, 0.0], [0.0, 0.0]])
    net.posterior = linear([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    x, partner = torch.tensor([[0.0, 1.0]]).double(), torch.tensor([[2.0, 3.0]]).double()
    (player,) = method.players(net)
    assert player.loss(Batch(x, x, torch.arange(1), None, partner), moment(1)).memo.tolist() == [[14.0, 4.0]]
