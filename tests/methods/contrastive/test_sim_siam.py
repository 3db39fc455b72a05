"""SimSiam on projections whose angles are known; what holds it up is a gradient that stops."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.checks import players
from allegory.core import Array
from allegory.methods.contrastive.sim_siam import SimSiam
from allegory.nets import BatchNorm


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def turn(degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return linear([[c, -s], [s, c]])


def net_of(method, predictor=0.0):
    """A student that changes nothing and a predictor that turns."""
    net = method.build(Array((2,)), 4)
    net.student.body, net.student.head, net.q = turn(0), nn.Identity(), turn(predictor)
    return net


def loss_of(net, first, second):
    (player,) = SimSiam().players(net)
    return player.loss(batch(first, (first, second)), moment(len(first))).total


def test_the_loss_by_hand():
    """Views at 0 and 60 degrees, the predictor turns by 20: 20 against 60 and 80 against 0, half of each, negative."""
    expected = -(math.cos(math.radians(40)) + math.cos(math.radians(80))) / 2
    assert loss_of(net_of(SimSiam(), 20), at(0), at(60)).item() == pytest.approx(expected, abs=1e-9)
    one_way, sum_of_both, without_predictor = -math.cos(math.radians(40)), 2 * expected, -0.5
    assert min(abs(expected - wrong) for wrong in (one_way, sum_of_both, without_predictor, -expected)) > 0.02


def test_the_gradient_stops_at_the_target():
    """With a predictor that changes nothing L = -cos(z1, z2), and each z has the gradient of one of its two places only: half of it.

    With W = I, z1 = (1, 0) and z2 = (cos 60, sin 60): -dL/dz1 = (z2 - cos 60 z1) / 2 = (0, sin 60 / 2), -dL/dz2 = (z1 - cos 60 z2) / 2.
    """
    net = net_of(SimSiam())
    (got,) = torch.autograd.grad(loss_of(net, at(0), at(60)), net.student.body.weight)
    z1, z2 = at(0)[0], at(60)[0]
    of_z1, of_z2 = -(z2 - 0.5 * z1) / 2, -(z1 - 0.5 * z2) / 2
    expected = torch.outer(of_z1, z1) + torch.outer(of_z2, z2)
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)
    assert expected.norm() > 0.1  # without the stop it would be twice that


def test_the_projection_ends_in_a_norm_and_the_predictor_is_narrow():
    method = SimSiam(projection=16, narrow=4)
    net = method.build(Array((1, 8, 8)), 4)
    assert isinstance(net.student.head[-1], BatchNorm)
    assert [layer.weight.shape for layer in net.q if isinstance(layer, nn.Linear)] == [(4, 16), (16, 4)]
    assert not isinstance(net.q[-1], BatchNorm)


def test_the_code_is_below_the_head():
    net = net_of(SimSiam(), 20)
    net.student.head = linear([[0.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(SimSiam().encode(net, at(10)), at(10))


def test_without_batch_statistics_large_batches_pass_in_pieces():
    method = SimSiam(encoder="convnet-group", projection=16, hidden=32, narrow=8)
    (player,) = method.players(method.build(Array((1, 8, 8)), 4))
    assert player.additive
    players.check_micro_batches(method)
