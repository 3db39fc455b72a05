"""MoCo on keys whose angles are known: the loss, the teacher's step and the queue's by hand."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.contrastive.moco import MoCo
from allegory.train.learner import modes, set_modes


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def turn(degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return linear([[c, -s], [s, c]])


def net_of(method, *queue, teacher=0.0):
    """A student that changes nothing, a teacher that turns by a known angle, and a queue at these angles."""
    net = method.build(Array((2,)), 4).double()
    net.student.body, net.student.head = turn(0), nn.Identity()
    net.teacher.body, net.teacher.head = turn(teacher).requires_grad_(False), nn.Identity()
    net.queue.codes = at(*queue)
    return net


def test_the_loss_by_hand():
    """Queries at 0 and 90 degrees, tau 1/2; the teacher turns the other views, at 0 and 30, by 60: keys at 60 and 90.

    Queue at 90 and 180. Cosines over tau: positives 1 and 2; negatives 0 and -2 of the first query, 2 and 0 of the second:
    log(1 + e^-1 + e^-3) + log(2 + e^-2), over 2.
    """
    method = MoCo(tau=0.5, queue=2, projection=2)
    (player,) = method.players(net_of(method, 90, 180, teacher=60))
    loss = player.loss(batch(at(0, 90), (at(0, 90), at(0, 30))), moment(2))
    expected = (math.log(1 + math.exp(-1) + math.exp(-3)) + math.log(2 + math.exp(-2))) / 2
    assert loss.total.item() == pytest.approx(expected, abs=1e-9)
    assert loss.terms["info_nce"] is loss.total
    swapped = player.loss(batch(at(0, 90), (at(0, 30), at(0, 90))), moment(2)).total.item()
    assert abs(swapped - expected) > 0.1, "the query is the student's of the first view"
    torch.testing.assert_close(loss.memo, at(60, 90))
    # queue at 90 and 180: per coordinate the standard deviations are 1/2 and 1/2
    assert loss.terms["memory_spread"].item() == pytest.approx(0.5 * math.sqrt(2), abs=1e-9)


def test_no_gradient_reaches_the_teacher_or_the_queue():
    method = MoCo(tau=0.5, queue=2, projection=2)
    net = net_of(method, 90, 180, teacher=60)
    net.teacher.requires_grad_(True)
    (player,) = method.players(net)
    loss = player.loss(batch(at(0, 90), (at(0, 90), at(0, 30))), moment(2)).total
    assert all(g is None for g in torch.autograd.grad(loss, list(net.teacher.parameters()), allow_unused=True, retain_graph=True))
    assert torch.autograd.grad(loss, net.student.body.weight)[0].norm() > 0.05
    assert not net.queue.codes.requires_grad


def test_one_step_of_teacher_and_queue_by_hand():
    method = MoCo(keep=0.9, queue=3, projection=2)
    net = net_of(method, 0, 90, 180)
    with torch.no_grad():
        net.student.body.weight.fill_(3.0)
        net.teacher.body.weight.fill_(1.0)
    method.after_step(net, moment(1, step=200), {"student": 5.0 * at(30, 60)})
    assert net.teacher.body.weight[0, 0].item() == pytest.approx(0.9 + 0.3, abs=1e-9)
    torch.testing.assert_close(net.queue.codes, at(30, 60, 180))
    with torch.no_grad():
        net.teacher.body.weight.fill_(1.0)
    method.after_step(net, moment(1, step=2), {"student": at(0)})
    assert net.teacher.body.weight[0, 0].item() == pytest.approx(3 / 12 + 3 * 9 / 12, abs=1e-9), "faster at first: 3 / 12 is kept"


def test_a_key_does_not_depend_on_the_batch_it_comes_with():
    """Why no shuffling is needed: in training, too, the teacher's norms use running statistics."""
    net = MoCo().build(Array((1, 8, 8)), 4)
    set_modes(modes(net))
    x = torch.linspace(-1, 1, 4 * 64).sin().view(4, 1, 8, 8)
    torch.testing.assert_close(net.teacher(x)[:1], net.teacher(x[:1]))
    method = MoCo()
    (player,) = method.players(net)
    key = lambda rows: player.loss(batch(x[rows], (x[rows], x[rows])), moment(len(x[rows]))).memo[0]
    torch.testing.assert_close(key(slice(0, 4)), key(slice(0, 2)))
    assert not torch.allclose(net.student(x)[:1], net.student(torch.cat([x[:1], -x[1:]]))[:1]), "the student's norms do"


def test_the_head_of_v1_is_linear_and_that_of_v2_has_a_hidden_layer():
    heads = [MoCo(depth=depth).build(Array((1, 8, 8)), 4).student.head for depth in (1, 2)]
    assert [sum(isinstance(m, nn.Linear) for m in head) for head in heads] == [1, 2]


def test_the_code_is_the_students_below_its_head():
    method = MoCo(queue=2, projection=2)
    net = net_of(method, 0, 90, teacher=50)
    net.student.head = linear([[0.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(method.encode(net, at(10)), at(10))
