"""SimCLR on projections whose angles are known."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.contrastive.simclr import SimCLR
from allegory.train.health import diagnose, reported
from allegory.views import Pair


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def net_of(method):
    """f doubles, g turns by 90 degrees: neither changes a cosine."""
    net = method.build(Array((2,)), 4)
    net.body, net.head = linear([[2.0, 0.0], [0.0, 2.0]]), linear([[0.0, -1.0], [1.0, 0.0]])
    return net


def test_the_loss_by_hand():
    """Views at 0 and 90 degrees, their partners at 30 and 150, tau 1/2: .4173732, worked out in tests/objectives/test_contrast.py."""
    method = SimCLR(tau=0.5)
    net = net_of(method)
    (player,) = method.players(net)
    loss = player.loss(batch(at(0, 90), (at(0, 90), at(30, 150))), moment(2))
    assert loss.total.item() == pytest.approx(0.4173732, abs=1e-7)
    assert loss.terms["nt_xent"] is loss.total
    # a temperature that multiplied would give the same at tau = 1 only
    swapped = player.loss(batch(at(0, 90), (at(0, 90), at(150, 30))), moment(2))
    assert swapped.total.item() > 1.5, "partners that are swapped are worse"


def test_the_loss_is_taken_above_the_head_and_the_code_below_it():
    method = SimCLR(tau=0.5)
    net = net_of(method)
    net.head = linear([[1.0, 0.0], [0.0, 0.0]])  # a head that loses what the code keeps
    (player,) = method.players(net)
    x = at(10, 80)
    assert player.loss(batch(x, (x, at(20, 70))), moment(2)).total.item() == pytest.approx(math.log(3), abs=1e-9)  # all cosines 1
    torch.testing.assert_close(method.encode(net, x), 2 * x)


def test_it_shows_two_views_and_learns_all_of_its_net():
    source = type("Source", (), {"mirror": False})()
    method = SimCLR().resolved(Array((1, 8, 8), levels=17), source)
    assert isinstance(method.views, Pair)
    net = method.build(Array((1, 8, 8)), 4)
    (player,) = method.players(net)
    assert len(player.parameters) == len(list(net.parameters()))
    assert isinstance(net.head[-1], nn.Linear)
    assert net.head[-1].out_features == method.projection
    assert not player.additive, "the loss compares the examples of a batch"


def test_its_corrections_reach_the_loss():
    """Both view pairs at 0 and 60 degrees: every anchor has its positive at 60 degrees and two negatives, at 0 and at 60.

    With tau 1/2 the positive is e and R = e^2 + e = 10.1073; debias 1/4: (R - e/2)/(3/4) = 11.6643, log(1 + that/e) = 1.666015;
    hardness 1: 2 (e^4 + e^2)/(e^2 + e) = 12.2658 by weights e^2 and e, log(1 + that/e) = 1.706987.
    """
    x = at(0, 0)
    views = (at(0, 0), at(60, 60))
    for method, expected in ((SimCLR(), 1.551445), (SimCLR(debias=0.25), 1.666015), (SimCLR(hardness=1.0), 1.706987)):
        (player,) = method.players(net_of(method))
        assert player.loss(batch(x, views), moment(2)).total.item() == pytest.approx(expected, abs=1e-6)


def test_a_head_that_falls_to_a_point_is_called():
    """Ten projections around the circle; then a head that says the same of all, above a code that is as spread as before."""
    angles = range(0, 360, 36)
    method = SimCLR(tau=0.5)
    net = net_of(method)
    (player,) = method.players(net)
    some = batch(at(*angles), (at(*angles), at(*angles)))
    healthy = player.loss(some, moment(10)).terms
    assert healthy["projection_spread"].item() == pytest.approx(1.0, abs=1e-9)
    assert healthy["projection_rank"].item() == pytest.approx(2.0, abs=1e-9)
    net.head = linear([[0.0, 0.0], [0.0, 0.0]], bias=[1.0, 2.0])
    collapsed = player.loss(some, moment(10)).terms
    for terms, alarm in ((healthy, []), (collapsed, ["collapse of the projection", "dimensional collapse of the projection"])):
        found = {"spread": 1.0, "effective_rank": 3.0} | reported({f"encoder/{k}": v for k, v in terms.items()})
        assert list(diagnose(found, 0.5)) == alarm
