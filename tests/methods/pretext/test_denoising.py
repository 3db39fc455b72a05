"""The target is what was there before the noise."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array, Misuse
from allegory.methods.pretext.denoising import Denoising
from allegory.views import Drop


def net_of(method, scale=1.0):
    """Codes that are what is seen; a decoder that scales them."""
    net = method.build(Array((2,)), 4).double()
    net.body, net.decoder = nn.Identity(), linear([[scale, 0.0], [0.0, scale]])
    return net


def loss_of(method, x, seen, scale=1.0):
    (player,) = method.players(net_of(method, scale))
    return player.loss(batch(x, seen), moment(len(x)))


X = torch.tensor([[1.0, 2.0], [3.0, -1.0]]).double()
LOGITS = torch.tensor([[0.0, math.log(3.0)]], dtype=torch.float64)
SEEN = torch.tensor([[1.0, 0.0], [0.0, -1.0]]).double()  # what masking noise left


def test_the_squared_error_by_hand():
    """Twice what is seen: (2, 0) for (1, 2) and (0, -2) for (3, -1): halves of 1 + 4 and of 9 + 1, and their mean."""
    loss = loss_of(Denoising(loss="squared"), X, SEEN, 2.0)
    assert loss.total.item() == pytest.approx((2.5 + 5.0) / 2, abs=1e-12)
    assert loss.terms["error"] is loss.total
    copied = loss_of(Denoising(loss="squared"), X, SEEN, 1.0).total.item()
    assert copied == pytest.approx((2.0 + 4.5) / 2, abs=1e-12), "a net that copies what it sees pays for what was hidden"


def test_the_cross_entropy_by_hand():
    """Pixels 1 and 0 as probabilities, of logits 0 and log 3: log 2 for the first, log 4 for the second."""
    x = torch.tensor([[1.0, -1.0]]).double()
    loss = loss_of(Denoising(loss="cross-entropy"), x, LOGITS)
    assert loss.total.item() == pytest.approx(math.log(2) + math.log(4), abs=1e-9)
    assert Denoising(loss="cross-entropy").decode(net_of(Denoising()), LOGITS)[0].tolist() == [
        pytest.approx(0.0, abs=1e-9),
        pytest.approx(0.5, abs=1e-9),
    ]


def test_the_loss_follows_the_data():
    assert Denoising().resolved(Array((1, 8, 8), levels=2), None).loss == "cross-entropy"
    assert Denoising().resolved(Array((1, 8, 8), levels=256), None).loss == "squared"
    assert Denoising().resolved(Array((6,)), None).loss == "squared"
    assert isinstance(Denoising().resolved(Array((6,)), None).views, Drop)
    with pytest.raises(Misuse, match="probabilities"):
        Denoising(loss="cross-entropy").resolved(Array((6,)), None)


def test_the_code_is_that_of_x_as_it_is_with_as_many_numbers_as_were_asked_for():
    method = Denoising()
    torch.testing.assert_close(method.encode(net_of(method), X), X)
    net = Denoising(latent=5).build(Array((1, 8, 8)), 4)
    assert Denoising(latent=5).encode(net, torch.zeros(2, 1, 8, 8)).shape == (2, 5)
    assert net.decoder(torch.zeros(2, 5)).shape == (2, 1, 8, 8)
