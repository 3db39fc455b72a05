"""BYOL on codes whose angles are known, and the teacher's steps by hand."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.checks import players
from allegory.core import Array
from allegory.methods.contrastive.byol import BYOL
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
    """Views at 0 and 60 degrees; the predictor turns by 20, the teacher by 50.

    q(z) = 20 against z' = 110 degrees: 2 - 2 cos 90; back: 80 against 50: 2 - 2 cos 30. Their sum, not their mean.
    """
    method = BYOL()
    (player,) = method.players(net := net_of(method, predictor=20, teacher=50))
    loss = player.loss(batch(at(0), (at(0), at(60))), moment(1))
    assert loss.total.item() == pytest.approx(2.0 + (2 - 2 * math.cos(math.radians(30))), abs=1e-9)
    one_way = 2.0
    own_teacher = (2 - 2 * math.cos(math.radians(30))) * 2  # each view against the teacher's code of itself
    assert min(abs(loss.total.item() - wrong) for wrong in (one_way, loss.total.item() / 2, own_teacher)) > 0.1
    assert loss.terms["regression"] is loss.total
    assert set(loss.terms) == {"regression"}, "one item has no pulse"
    assert not any(p.requires_grad for p in net.teacher.parameters())


def test_the_gradient_stops_at_the_teacher():
    """Also where the teacher could learn: its parameters are no player's, and its codes carry no gradient."""
    method = BYOL()
    net = net_of(method, predictor=20, teacher=50)
    net.teacher.requires_grad_(True)
    (player,) = method.players(net)
    loss = player.loss(batch(at(0), (at(0), at(60))), moment(1)).total
    to_teacher = torch.autograd.grad(loss, list(net.teacher.parameters()), allow_unused=True, retain_graph=True)
    assert all(g is None for g in to_teacher)
    assert torch.autograd.grad(loss, net.q.weight)[0].norm() > 0.1
    owned = {id(p) for _, p in player.parameters}
    assert not owned & {id(p) for p in net.teacher.parameters()}


@pytest.mark.parametrize(("progress", "keep"), [(0.0, 0.9), (0.5, 0.95), (1 / 3, 0.925), (1.0, 1.0)])
def test_one_step_of_the_teacher_by_hand(progress, keep):
    """keep = 1 - (1 - .9) (cos(pi t) + 1) / 2; from teacher weight 1 and student weight 3: keep + 3 (1 - keep)."""
    method = BYOL(tau=0.9)
    net = net_of(method)
    with torch.no_grad():
        net.student.body.weight.fill_(3.0)
        net.teacher.body.weight.fill_(1.0)
    method.after_step(net, moment(1, progress), {"student": None})
    assert net.teacher.body.weight[0, 0].item() == pytest.approx(keep + 3 * (1 - keep), abs=1e-9)
    assert net.student.body.weight[0, 0].item() == 3.0


def test_the_teacher_begins_as_the_student_and_its_statistics_follow_too():
    method = BYOL(tau=0.9)
    net = method.build(Array((1, 8, 8)), 4)
    assert all(torch.equal(a, b) for a, b in zip(net.student.state_dict().values(), net.teacher.state_dict().values(), strict=True))
    means = [b for name, b in net.student.named_buffers() if name.endswith("running_mean")]
    with torch.no_grad():
        means[0].fill_(2.0)
    method.after_step(net, moment(1, 0.0), {"student": None})
    followed = next(b for name, b in net.teacher.named_buffers() if name.endswith("running_mean"))
    assert followed[0].item() == pytest.approx(0.2, abs=1e-6)


def test_the_teacher_normalises_by_the_batch_at_hand():
    """At the beginning teacher and student are one net: their projections agree, though no running statistic has learned anything yet."""
    method = BYOL(projection=8, hidden=16)
    net = method.build(Array((1, 8, 8)), 4)
    set_modes(modes(net))
    x = torch.linspace(-1, 1, 6 * 64).view(6, 1, 8, 8).sin()
    before = {name: b.clone() for name, b in net.teacher.named_buffers()}
    z = net.student(x)
    torch.testing.assert_close(method.target(net, x, z), z.detach())
    assert all(torch.equal(before[name], b) for name, b in net.teacher.named_buffers())
    assert not any(m.training for m in net.teacher.modules())


def test_without_batch_statistics_large_batches_pass_in_pieces():
    players.check_micro_batches(BYOL(encoder="convnet-group", projection=16, hidden=32))


def test_the_code_is_the_students_below_its_head():
    method = BYOL()
    net = net_of(method, predictor=20, teacher=50)
    net.student.head = linear([[0.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(method.encode(net, at(10)), at(10))
