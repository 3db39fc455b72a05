"""The triplet loss on codes whose angles are known, with every miner."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment

from allegory.core import Array
from allegory.methods.metric.triplet import Triplet
from allegory.objectives import MINERS

Y = torch.tensor([0, 0, 1, 1])


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def squared(degrees):
    return 2 - 2 * math.cos(math.radians(degrees))


def net_of(method):
    """The embedding is three times as long: the loss looks at directions."""
    net = method.build(Array((2,)), 4)
    net.body, net.head = linear([[3.0, 0.0], [0.0, 3.0]]), linear([[0.0, -1.0], [1.0, 0.0]])
    return net


def loss_of(method, x):
    (player,) = method.players(net_of(method))
    return player.loss(batch(x, y=Y), moment(4))


@pytest.mark.parametrize(
    ("miner", "gaps"),
    [
        ("all", [(40, 60), (40, 20), (50, 60), (50, 20)]),  # positive and negative, in degrees apart
        ("semi-hard", [(40, 60), (50, 60)]),
        ("hardest", [(40, 60), (40, 20), (50, 20), (50, 70)]),
    ],
)
def test_the_loss_by_hand(miner, gaps):
    """At 0 and 40 degrees, and at 60 and 110; margin .6, so that squared distances .468 and .714 reach to 1.068 and 1.314.

    From 0 (positive 40 away) are 60 (1) and 110 (2.684); from 40: 20 (.121) and 70 (1.316); from 60 (positive 50 away): 60 (1) and
    20 (.121); from 110: 110 and 70 (1.316).
    """
    losses = [max(0.0, squared(p) - squared(n) + 0.6) for p, n in gaps]
    loss = loss_of(Triplet(margin=0.6, miner=miner), at(0, 40, 60, 110))
    assert loss.total.item() == pytest.approx(sum(losses) / len(losses), abs=1e-9)
    assert loss.terms["active"].item() == pytest.approx(4 / 8)


def test_the_distance_weighted_miner_takes_one_negative_for_each_positive_and_the_dice_choose_it():
    x = at(0, 40, 60, 80)
    found = set()
    for seed in range(12):
        method = Triplet(margin=0.6, miner="distance-weighted")
        (player,) = method.players(net_of(method))
        now = moment(4, seed=seed)
        loss = player.loss(batch(x, y=Y), now).total.item()
        assert loss == player.loss(batch(x, y=Y), now).total.item()
        found.add(round(loss, 6))
    # from 0 the negatives 60 and 80 away, from 40: 20 and 40, from 60 (positive 20 away): 60 and 20, from 80: 80 and 40
    hinge = lambda p, n: max(0.0, squared(p) - squared(n) + 0.6)
    each = [[hinge(40, 60), hinge(40, 80)], [hinge(40, 20), hinge(40, 40)], [hinge(20, 60), hinge(20, 20)], [hinge(20, 80), hinge(20, 40)]]
    possible = {round((a + b + c + d) / 4, 6) for a in each[0] for b in each[1] for c in each[2] for d in each[3]}
    assert found <= possible
    assert len(found) > 3


def test_the_code_has_length_one():
    method = Triplet()
    code = method.encode(net_of(method), at(10, 80))
    torch.testing.assert_close(code, at(100, 170))


def test_every_miner_can_be_asked_for():
    assert set(MINERS) == {"semi-hard", "hardest", "distance-weighted", "all"}
