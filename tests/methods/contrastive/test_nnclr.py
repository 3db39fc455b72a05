"""NNCLR on angles that are known."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.contrastive.nnclr import NNCLR


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def turn(degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return linear([[c, -s], [s, c]])


def net_of(method, *queue, predictor=0.0):
    net = method.build(Array((2,)), 4).double()
    net.net.body, net.net.head, net.q = turn(0), nn.Identity(), turn(predictor)
    net.queue.codes = at(*queue)
    return net


def test_the_loss_by_hand():
    """Two items, views at (0, 90) and (30, 140), a predictor that turns by 30, a queue at 10, 100 and 200, tau 1/2.

    The neighbours of the first views are 10 and 100, and so are those of the second (140 is 40 from 100, 60 from 200).
    """
    method = NNCLR(tau=0.5, queue=3, projection=2)
    net = net_of(method, 10, 100, 200, predictor=30)
    (player,) = method.players(net)
    loss = player.loss(batch(at(0, 90), (at(0, 90), at(30, 140))), moment(2))
    s = lambda a, b: math.cos(math.radians(a - b)) / 0.5
    there = [-s(10, 60) + math.log(math.exp(s(10, 60)) + math.exp(s(10, 170))),  # neighbour of 0 against predictions of 30 and 140
             -s(100, 170) + math.log(math.exp(s(100, 60)) + math.exp(s(100, 170)))]  # fmt: skip
    back = [-s(10, 30) + math.log(math.exp(s(10, 30)) + math.exp(s(10, 120))),
            -s(100, 120) + math.log(math.exp(s(100, 30)) + math.exp(s(100, 120)))]  # fmt: skip
    assert loss.total.item() == pytest.approx((sum(there) / 2 + sum(back) / 2) / 2, abs=1e-9)
    assert loss.terms["info_nce"] is loss.total
    assert loss.terms["agreement"].item() == pytest.approx(math.cos(math.radians(10)), abs=1e-9)
    torch.testing.assert_close(loss.memo, at(0, 90))


def test_no_gradient_flows_through_the_neighbour():
    """Moving a view within the reach of its neighbour changes nothing but its own prediction."""
    method = NNCLR(queue=3, projection=2)
    net = net_of(method, 10, 100, 200, predictor=30)
    (player,) = method.players(net)
    z = player.embed(batch(at(0, 90), (at(0, 90), at(30, 140))), moment(2))
    assert not z["z"].requires_grad
    moved = player.loss_of(z | {"z": torch.stack([at(5, 95), at(25, 135)], 1)}, batch(at(0, 90)), moment(2)).total.item()
    assert moved == pytest.approx(player.loss_of(z, batch(at(0, 90)), moment(2)).total.item(), abs=1e-12)


def test_the_first_views_enter_the_queue():
    method = NNCLR(queue=3, projection=2)
    net = net_of(method, 10, 100, 200)
    method.after_step(net, moment(2), {"encoder": 4.0 * at(0, 90)})
    torch.testing.assert_close(net.queue.codes, at(0, 90, 200))


def test_the_code_is_below_the_head():
    method = NNCLR(queue=3, projection=2)
    net = net_of(method, 0, 90, 180)
    net.net.head = linear([[0.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(method.encode(net, at(10)), at(10))
