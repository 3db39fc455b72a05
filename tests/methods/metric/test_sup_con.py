"""SupCon on projections whose angles are known."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment

from allegory.core import Array
from allegory.methods.metric.sup_con import SupCon
from allegory.objectives import nt_xent
from allegory.views import Pair, mild


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def net_of(method):
    """f doubles, g turns by 90 degrees: neither changes a cosine."""
    net = method.build(Array((2,)), 4)
    net.body, net.head = linear([[2.0, 0.0], [0.0, 2.0]]), linear([[0.0, -1.0], [1.0, 0.0]])
    return net


def test_the_loss_by_hand():
    """Both items of one class, views at 0 and 90, and 180 and 270 degrees, tau 1: each meets cosines 0, -1, 0.

    -1/3 (0 - 1 + 0) + log(2 + 1/e); with the logarithm outside the mean it would be log 3.
    """
    method = SupCon(tau=1.0)
    (player,) = method.players(net_of(method))
    loss = player.loss(batch(at(0, 180), (at(0, 180), at(90, 270)), y=torch.tensor([5, 5])), moment(2))
    assert loss.total.item() == pytest.approx(1 / 3 + math.log(2 + math.exp(-1)), abs=1e-9)
    assert loss.terms["sup_con"] is loss.total


def test_with_every_item_its_own_class_it_is_simclr():
    method = SupCon(tau=0.5)
    (player,) = method.players(net_of(method))
    first, second = at(0, 90, 200), at(30, 150, 260)
    loss = player.loss(batch(first, (first, second), y=torch.tensor([0, 1, 2])), moment(3))
    assert loss.total.item() == pytest.approx(nt_xent(first, second, 0.5).item(), abs=1e-12)


def test_the_code_is_below_the_head_and_there_are_two_views():
    method = SupCon()
    torch.testing.assert_close(method.encode(net_of(method), at(10)), 2 * at(10))
    source = type("Source", (), {"mirror": False})()
    assert method.resolved(Array((1, 8, 8), levels=17), source).views == Pair(mild(Array((1, 8, 8))))
