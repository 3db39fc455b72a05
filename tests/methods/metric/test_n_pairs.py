"""The N-pair loss on codes whose inner products are known."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array, ByClass
from allegory.methods.metric.n_pairs import NPairs

Y = torch.tensor([0, 1, 0, 1])
# anchors (1, 0) and (0, 2), positives (2, 1) and (1, 1): inner products 2 and 1, 2 and 2
X = torch.tensor([[1.0, 0.0], [0.0, 2.0], [2.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
LOSS = (math.log(1 + math.exp(1 - 2)) + math.log(1 + math.exp(2 - 2))) / 2
NORM = (1 + 4 + 5 + 2) / 4


def net_of(method):
    net = method.build(Array((2,)), 4)
    net.body, net.head = linear([[1.0, 0.0], [0.0, 1.0]]), nn.Identity()
    return net


@pytest.mark.parametrize("shrink", [0.0, 0.5])
def test_the_loss_by_hand(shrink):
    """Lengths count: with cosines, or anchors and positives exchanged, another number comes."""
    method = NPairs(shrink=shrink)
    (player,) = method.players(net_of(method))
    loss = player.loss(batch(X, y=Y), moment(4))
    assert loss.total.item() == pytest.approx(LOSS + shrink * NORM, abs=1e-9)
    assert loss.terms["n_pairs"].item() == pytest.approx(LOSS, abs=1e-9)
    assert loss.terms["squared_norm"].item() == pytest.approx(NORM, abs=1e-9)
    turned = player.loss(batch(X[[2, 3, 0, 1]], y=Y), moment(4)).terms["n_pairs"].item()
    assert turned == pytest.approx((math.log(1 + math.exp(2 - 2)) + math.log(1 + math.exp(1 - 2))) / 2, abs=1e-9)


def test_two_items_of_a_class_and_codes_of_any_length():
    method = NPairs()
    assert method.batching == ByClass(2)
    torch.testing.assert_close(method.encode(net_of(method), X), X)
