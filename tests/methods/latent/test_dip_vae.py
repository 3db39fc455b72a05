"""The penalty on the covariance of codes, by hand."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.latent.dip_vae import DIPVAE
from allegory.methods.latent.vae import VAE

X = torch.tensor([[-1.0], [0.0], [1.0]], dtype=torch.float64)  # variance 1


def loss_of(method):
    """mu = (x, 2 x), sigma^2 = (.5, 1): covariance [[1, 2], [2, 4]] of the means, and (.5, 1) more on the diagonal for the draws."""
    net = method.build(Array((1,)), 3).double()
    net.body, net.posterior = nn.Identity(), linear([[1.0], [2.0], [0.0], [0.0]], [0.0, 0.0, math.log(0.5), 0.0])
    net.decoder = linear([[0.7, -0.4]])
    (player,) = method.players(net)
    return player.loss(batch(X), moment(3)).total.item()


@pytest.mark.parametrize(
    ("kind", "lambda_d", "penalty"),
    [
        ("I", None, 10 * (2 * 4) + 100 * (0 + 9)),
        ("II", None, 10 * (2 * 4) + 10 * (0.25 + 16)),
        ("II", 1.0, 10 * (2 * 4) + 1 * (0.25 + 16)),
    ],
)
def test_by_hand(kind, lambda_d, penalty):
    plain = loss_of(VAE(latent=2, likelihood="gaussian"))
    assert loss_of(DIPVAE(latent=2, likelihood="gaussian", kind=kind, lambda_d=lambda_d)) == pytest.approx(plain + penalty, abs=1e-9)
