"""Instance classification on codes whose angles are known."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from helpers.toys import learner_of
from torch import nn
from torch.nn import functional as F

from allegory import nets
from allegory.core import Array
from allegory.methods.pretext.instance_classification import InstanceClassification


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def net_of(method, *bank):
    """A net that changes nothing and a bank at these angles."""
    net = method.build(Array((2,)), len(bank)).double()
    net.net.body, net.net.head = linear([[1.0, 0.0], [0.0, 1.0]]), nn.Identity()
    net.bank.codes = at(*bank)
    return net


def test_the_loss_by_hand():
    """Bank at 0, 90 and 180; items 0 and 1 are seen at 60 and 90; tau 1/2.

    Item 0: exponents 1, sqrt 3, -1 with the first its own; item 1: 0, 2, 0 with the second its own.
    """
    method = InstanceClassification(tau=0.5, sampled=0, projection=2)
    net = net_of(method, 0, 90, 180)
    (player,) = method.players(net)
    loss = player.loss(batch(at(0, 90), 3.0 * at(60, 90)), moment(2))
    e, r = math.exp, 3**0.5
    expected = (math.log(e(1) + e(r) + e(-1)) - 1 + math.log(1 + 2 * e(-2))) / 2
    assert loss.total.item() == pytest.approx(expected, abs=1e-9)
    assert loss.terms["cross_entropy"] is loss.total
    swapped = player.loss(batch(at(0, 90), 3.0 * at(90, 60)), moment(2)).total.item()
    assert swapped > expected + 0.2, "each is told by its own number"


def test_the_bank_moves_by_hand():
    """keep 3/4: item 1, from 90 degrees towards a code at 0 of any length: (1/4, 3/4) on the sphere."""
    method = InstanceClassification(keep=0.75, projection=2)
    net = net_of(method, 0, 90, 180)
    method.after_step(net, moment(1), {"encoder": {"index": torch.tensor([1]), "v": 9.0 * at(0)}})
    angle = math.degrees(math.atan2(0.75, 0.25))
    torch.testing.assert_close(net.bank.codes, at(0, angle, 180))


def test_few_sampled_items_stand_for_all():
    """The same draws for every example, and from the moment alone: the mean of many losses nears the whole one from below."""
    many = net_of(InstanceClassification(projection=2), *range(0, 360, 2))
    x = batch(at(0, 2), at(0, 2))
    whole = InstanceClassification(tau=0.5, sampled=0, projection=2)
    few = InstanceClassification(tau=0.5, sampled=60, projection=2)
    (all_of,), (some_of,) = whole.players(many), few.players(many)
    losses = [some_of.loss(x, moment(2, step=s)).total.item() for s in range(40)]
    assert losses[0] == some_of.loss(x, moment(2, step=0)).total.item()
    assert len(set(losses)) == 40
    assert sum(losses) / 40 == pytest.approx(all_of.loss(x, moment(2)).total.item(), abs=0.03)


def test_it_begins_with_the_codes_of_the_untrained_net():
    learner = learner_of(InstanceClassification(projection=4))
    expected = F.normalize(nets.at_rest(learner.net.net, learner.items), dim=1)
    torch.testing.assert_close(learner.net.bank.codes, expected)


def test_the_code_is_below_the_head_and_only_the_encoder_learns():
    method = InstanceClassification(projection=2)
    net = net_of(method, 0, 90)
    (player,) = method.players(net)
    assert {id(p) for _, p in player.parameters} == {id(p) for p in net.net.parameters()}
    net.net.head = linear([[0.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(method.encode(net, at(10)), at(10))
