"""The price of being on, by hand; and that codes become sparse when it is paid."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

import allegory as al
from allegory.core import Array
from allegory.methods.latent.sparse_autoencoder import SparseAutoencoder


def test_by_hand():
    """Two examples light the one unit by 1/4 and 3/4: 1/2 on average, where rho is 1/4. Errors 1 and 4, halved: 1.25."""
    method = SparseAutoencoder(latent=1, rho=0.25, beta=2.0)
    net = method.build(Array((1,)), 2).double()
    net.body, net.to_code, net.decoder = nn.Identity(), linear([[1.0]]), linear([[0.0]])
    x = torch.tensor([[-math.log(3.0)], [math.log(3.0)]], dtype=torch.float64)
    (player,) = method.players(net)
    now = batch(torch.tensor([[1.0], [-2.0]], dtype=torch.float64), views=x)
    loss = player.loss(now, moment(2))
    price = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert price == pytest.approx(0.1308, abs=1e-4)
    assert loss.total.item() == pytest.approx(1.25 + 2 * price, abs=1e-9)
    assert loss.terms["activity"].item() == pytest.approx(0.5)


def test_codes_become_sparse_and_still_say_the_item():
    """Half of a dense code's activity lies in many units; of a sparse one's in few."""
    x = al.load("digits")
    share = {}
    for beta in (0.0, 2.0):
        rep = al.learn(x, SparseAutoencoder(latent=64, beta=beta, encoder="mlp-plain", decoder="mlp"), steps=300, seed=0)
        z = rep.encode(x)
        share[beta] = float((z > 0.3).mean())
        pixels = x.take(slice(None)) / 8.0 - 1.0
        kept = 1 - ((rep.reconstruct(x) - pixels) ** 2).sum() / ((pixels - pixels.mean(0)) ** 2).sum()
        assert kept > 0.5
    assert share[2.0] < 0.2 < 0.4 < share[0.0]
