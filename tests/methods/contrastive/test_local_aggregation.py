"""Local aggregation on codes whose angles are known, and its groupings."""

import dataclasses
import math
from itertools import pairwise

import pytest
import torch
from helpers.moments import batch, linear, moment
from helpers.toys import learner_of, vectors
from torch import nn

from allegory.checks import processes, purity, tiny
from allegory.core import Array, Dice
from allegory.methods.contrastive.local_aggregation import LocalAggregation
from allegory.train import steps


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def net_of(method, bank, groups):
    net = method.build(Array((2,)), len(bank)).double()
    net.net.body, net.net.head = linear([[1.0, 0.0], [0.0, 1.0]]), nn.Identity()
    net.bank.codes, net.groups = at(*bank), torch.tensor(groups)
    return net


def test_the_loss_by_hand():
    """Bank at 0, 60, 90, 180, tau 1/2, two neighbours; item 0 is seen at 0, item 1 at 90.

    Item 0: own 2, near 1 (group of its own) and 0 (its group): log (e^2 + e + 1)/(e^2 + 1).
    Item 1: own sqrt 3, near items 2 (exponent 2, its group in the second clustering) and, of 0 and 3 at exponent 0, one: neither close.
    """
    method = LocalAggregation(tau=0.5, background=2, candidates=0, projection=2)
    net = net_of(method, (0, 60, 90, 180), [[0, 1, 0, 2], [0, 1, 1, 3]])
    (player,) = method.players(net)
    loss = player.loss(batch(at(0, 90), 7.0 * at(0, 90)), moment(2))
    e, r = math.e, math.exp(3**0.5)
    first = math.log((e**2 + e + 1) / (e**2 + 1))
    second = math.log((r + e**2 + 1) / (r + e**2))
    assert loss.total.item() == pytest.approx((first + second) / 2, abs=1e-9)
    assert loss.terms["close"].item() == pytest.approx((math.exp(-first) + math.exp(-second)) / 2, abs=1e-9)


def test_the_bank_moves_by_hand():
    method = LocalAggregation(keep=0.75, projection=2)
    net = net_of(method, (0, 90), [[0, 1]])
    method.after_step(net, moment(1), {"encoder": {"index": torch.tensor([1]), "v": 9.0 * at(0)}})
    torch.testing.assert_close(net.bank.codes, at(0, math.degrees(math.atan2(0.75, 0.25))))


def test_items_are_grouped_by_where_they_lie():
    """Two far bundles in two clusters: the same two groups in every clustering, whatever the start."""
    method = LocalAggregation(clusters=2, clusterings=4, points=5, projection=2)
    net = net_of(method, (0, 1, 2, 3, 180, 181, 182), [[0] * 7] * 4)
    method.group(net, learner_of(method, vectors(7)).items, Dice.roll(0, 0, torch.arange(0)))
    for groups in net.groups:
        assert len(set(groups[:4].tolist())) == len(set(groups[4:].tolist())) == 1
        assert groups[0] != groups[4]


def test_it_groups_again_after_every_period_and_only_then():
    learner = learner_of(LocalAggregation(clusters=5, period=3, projection=4, background=8), steps=7)
    seen = [learner.net.groups.clone()]
    for _ in steps(learner):
        seen.append(learner.net.groups.clone())
    moved = [not torch.equal(a, b) for a, b in pairwise(seen)]
    assert moved == [False, False, True, False, False, True, False]


def test_groupings_keep_the_contract():
    """Also between and right after them: restarts are exact, and two processes find the same groups."""
    purity.check_resume(dataclasses.replace(tiny(LocalAggregation), period=2))
    processes.check_processes(dataclasses.replace(tiny(LocalAggregation), period=1))
