"""The normalised softmax on codes whose angles to the directions of the classes are known."""

import math

import numpy as np
import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.data import Labels, Source
from allegory.methods.metric.hypersphere_softmax import HypersphereSoftmax


def net_of(method):
    """Three classes at 0, 90 and 180 degrees, of any length."""
    net = method.build(Array((2,)), 4).double()
    net.body, net.head = linear([[1.0, 0.0], [0.0, 1.0]]), nn.Identity()
    net.W = nn.Parameter(torch.tensor([[5.0, 0.0], [0.0, 0.1], [-2.0, 0.0]], dtype=torch.float64))
    return net


def test_the_loss_by_hand():
    """Codes at 60 and 0 degrees, of lengths 3 and 1, of class 0: cosines (1/2, .866, -1/2) and (1, 0, -1), tau 1/2."""
    method = HypersphereSoftmax(tau=0.5, classes=3)
    net = net_of(method)
    (player,) = method.players(net)
    x = torch.tensor([[1.5, 3 * math.sqrt(0.75)], [1.0, 0.0]], dtype=torch.float64)
    e = math.exp
    first = -math.log(e(1) / (e(1) + e(2 * math.sqrt(0.75)) + e(-1)))
    second = -math.log(e(2) / (e(2) + e(0) + e(-2)))
    loss = player.loss(batch(x, y=torch.tensor([0, 0])), moment(2))
    assert loss.total.item() == pytest.approx((first + second) / 2, abs=1e-9)
    assert loss.terms["accuracy"].item() == 0.5
    torch.testing.assert_close(method.encode(net, x)[0], x[0] / 3)


def test_every_class_has_a_direction_and_the_player_moves_it():
    method = HypersphereSoftmax(projection=7, classes=4)
    net = method.build(Array((5,)), 4)
    assert net.W.shape == (4, 7)
    assert any(p is net.W for _, p in method.players(net)[0].parameters)


def test_the_classes_are_counted_in_labels_or_groups():
    x = np.zeros((6, 5), dtype=np.float32)
    labelled = Source("x", Array((5,)), x, labels=Labels(np.arange(6) % 3, tuple("abc")), groups=["g"] * 6)
    grouped = Source("x", Array((5,)), x, groups=["g", "g", "", "h", "h", ""])
    assert HypersphereSoftmax().resolved(Array((5,)), labelled).classes == 3
    assert HypersphereSoftmax().resolved(Array((5,)), grouped).classes == 4
    assert HypersphereSoftmax(classes=9).resolved(Array((5,)), grouped).classes == 9
