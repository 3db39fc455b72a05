"""MoCo v3 on angles that are known."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.contrastive.moco_v3 import MoCoV3
from allegory.train.learner import modes, set_modes


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def turn(degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return linear([[c, -s], [s, c]])


def net_of(method, predictor=0.0, teacher=0.0):
    """A student that changes nothing, a predictor and a teacher that turn by known angles."""
    net = method.build(Array((2,)), 4)
    net.student.body, net.student.head, net.q = turn(0), nn.Identity(), turn(predictor)
    net.teacher.body, net.teacher.head = turn(teacher).requires_grad_(False), nn.Identity()
    return net


def test_the_loss_by_hand():
    """Two items, views at (0, 90) and (60, 120); the predictor turns by 30, the teacher by 60; tau 1/2.

    q1 at 30, 120 against k2 at 120, 180: cosines 0, -cos 30 and 1, 1/2; q2 at 90, 150 against k1 at 60, 150: cos 30, 1/2 and 0, 1.
    Twice tau is 1.
    """
    method = MoCoV3(tau=0.5, projection=2)
    (player,) = method.players(net_of(method, predictor=30, teacher=60))
    loss = player.loss(batch(at(0, 90), (at(0, 90), at(60, 120))), moment(2))
    c = math.cos(math.radians(30))
    there = math.log(1 + math.exp(-2 * c)) + math.log(1 + math.exp(2 * (1 - 0.5)))
    back = math.log(1 + math.exp(2 * (0.5 - c))) + math.log(1 + math.exp(-2))
    assert loss.total.item() == pytest.approx((there + back) / 2, abs=1e-9)
    assert loss.terms["info_nce"] is loss.total
    other = MoCoV3(tau=0.25, projection=2)
    (player,) = other.players(net_of(other, predictor=30, teacher=60))
    there = math.log(1 + math.exp(-4 * c)) + math.log(1 + math.exp(4 * (1 - 0.5)))
    back = math.log(1 + math.exp(4 * (0.5 - c))) + math.log(1 + math.exp(-4))
    quarter = player.loss(batch(at(0, 90), (at(0, 90), at(60, 120))), moment(2)).total.item()
    assert quarter == pytest.approx(0.5 * (there + back) / 2, abs=1e-9), "times 2 tau"


def test_the_gradient_stops_at_the_teacher_and_both_modules_learn():
    method = MoCoV3(projection=2)
    net = net_of(method, predictor=30, teacher=60)
    net.teacher.requires_grad_(True)
    (player,) = method.players(net)
    loss = player.loss(batch(at(0, 90), (at(0, 90), at(60, 120))), moment(2)).total
    assert all(g is None for g in torch.autograd.grad(loss, list(net.teacher.parameters()), allow_unused=True, retain_graph=True))
    for weight in (net.q.weight, net.student.body.weight):
        assert torch.autograd.grad(loss, weight, retain_graph=True)[0].norm() > 0.1


def test_one_step_of_the_teacher_by_hand():
    method = MoCoV3(keep=0.75, projection=2)
    net = net_of(method)
    with torch.no_grad():
        net.student.body.weight.fill_(3.0)
        net.teacher.body.weight.fill_(1.0)
        net.q.weight.fill_(9.0)
    method.after_step(net, moment(1, step=200), {"student": None})
    assert net.teacher.body.weight[0, 0].item() == pytest.approx(0.75 + 0.75, abs=1e-9)


def test_the_code_is_the_students_below_its_head():
    method = MoCoV3(projection=2)
    net = net_of(method, predictor=20, teacher=50)
    net.student.head = linear([[0.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(method.encode(net, at(10)), at(10))


def test_the_teacher_normalises_by_the_batch_and_its_running_statistics_stay():
    method = MoCoV3()
    net = method.build(Array((1, 8, 8)), 4)
    set_modes(modes(net))
    (player,) = method.players(net)
    x = torch.linspace(-1, 1, 4 * 64).sin().view(4, 1, 8, 8)
    before = {k: v.clone() for k, v in net.teacher.state_dict().items()}
    keys = lambda rows: player.embed(batch(x[rows], (x[rows], x[rows])), moment(len(x[rows])))["k"][0]
    assert not torch.allclose(keys(slice(0, 4)), keys(slice(0, 2)))
    assert all(torch.equal(before[k], v) for k, v in net.teacher.state_dict().items())
