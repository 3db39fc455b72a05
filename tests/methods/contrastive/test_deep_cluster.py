"""DeepCluster with groups that are known, its whitening, and what a grouping leaves."""

import dataclasses
import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from helpers.numbers import generic
from helpers.toys import equal, learner_of, state
from torch.nn import functional as F

from allegory import nets
from allegory.checks import processes, purity, tiny
from allegory.core import Array, Dice
from allegory.methods.contrastive.deep_cluster import DeepCluster, whitening
from allegory.train import steps

EYE = [[1.0, 0.0], [0.0, 1.0]]


def net_of(method):
    """Encoders that change nothing; groups east (3 in 4 items) and north; log-odds 0 and the second coordinate."""
    net = method.build(Array((2,)), 2).double()
    net.body, net.old = linear(EYE), linear(EYE).requires_grad_(False)
    net.top = linear([[0.0, 0.0], [0.0, 1.0]])
    net.mean, net.map = torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    net.C, net.size = torch.eye(2, dtype=torch.float64), torch.tensor([0.75, 0.25], dtype=torch.float64)
    return net


def test_the_loss_by_hand():
    """Items (5, 1) east and (0, 2) north; their views have second coordinates log 3 and -log 3.

    East: odds 1 : 3, weight 1/(2 * 3/4): 2/3 log 4; north: odds 1 : 1/3, weight 1/(2 * 1/4): 2 log 4.
    """
    method = DeepCluster(clusters=2)
    net = net_of(method)
    (player,) = method.players(net)
    x = torch.tensor([[5.0, 1.0], [0.0, 2.0]], dtype=torch.float64)
    shown = torch.tensor([[9.0, math.log(3)], [9.0, -math.log(3)]], dtype=torch.float64)
    loss = player.loss(batch(x, shown), moment(2))
    assert loss.total.item() == pytest.approx((2 / 3 + 2) * math.log(4) / 2, abs=1e-9)
    assert loss.terms["accuracy"].item() == 0.0
    assert loss.terms["prototype_use"].item() == pytest.approx(1.0)
    (plain,) = DeepCluster(clusters=2, even=False).players(net)
    assert plain.loss(batch(x, shown), moment(2)).total.item() == pytest.approx(math.log(4), abs=1e-9)
    one = plain.loss(batch(x[:1].repeat(2, 1), shown), moment(2))
    assert one.terms["prototype_use"].item() == pytest.approx(0.5)
    assert one.total.item() == pytest.approx((math.log(4) + math.log(4 / 3)) / 2, abs=1e-9)


def test_whitening_by_hand():
    """Four points at (1 +- 2, 5) and (1, 5 +- 1): variances 2 and 1/2; only the first direction is kept, and scaled to 1."""
    h = torch.tensor([[3.0, 5.0], [-1.0, 5.0], [1.0, 6.0], [1.0, 4.0]], dtype=torch.float64)
    mean, onto = whitening(h, 1)
    assert mean.tolist() == [1.0, 5.0]
    assert onto[:, 0].abs().tolist() == pytest.approx([(1 / 2) ** 0.5, 0.0], abs=1e-4)  # a ten-thousandth is added to the variance
    z = generic(200, 6).detach() @ generic(6, 6, seed=1).detach()
    mean, onto = whitening(z, 4)
    torch.testing.assert_close(torch.cov(((z - mean) @ onto).T, correction=0), torch.eye(4, dtype=torch.float64), rtol=0, atol=0.02)
    assert whitening(torch.ones(5, 3), 2)[1].isfinite().all()


def test_a_grouping_keeps_the_encoder_as_it_is_and_starts_the_top_anew():
    learner = learner_of(DeepCluster(clusters=4, period=3, pca=3), steps=5)
    net, items = learner.net, learner.items
    h = nets.at_rest(net.body, items)
    z = F.normalize((h - net.mean) @ net.map, dim=1)
    groups = net.group(items.whole())
    assert sorted(set(groups.tolist())) == [0, 1, 2, 3]
    torch.testing.assert_close(net.size, torch.bincount(groups, minlength=4) / 40)
    for k in range(4):
        torch.testing.assert_close(net.C[k], z[groups == k].mean(0), rtol=0, atol=0.2)  # k-means stops when it settles
    seen = []
    for tick in steps(learner):
        seen.append(state(learner))
        old = {k.removeprefix("old."): v for k, v in seen[-1].items() if k.startswith("old.")}
        body = {k.removeprefix("body."): v for k, v in seen[-1].items() if k.startswith("body.")}
        assert equal(old, body) == (tick.step == 3)
    assert float((seen[2]["top.weight"] - seen[1]["top.weight"]).abs().max()) > 0.02, "the top layer starts anew"
    assert not seen[2]["top.bias"].any()
    assert torch.equal(seen[1]["C"], seen[0]["C"])
    assert not torch.equal(seen[2]["C"], seen[1]["C"])


def test_groupings_follow_from_the_dice_alone():
    learner = learner_of(DeepCluster(clusters=4, points=20, pca=3))
    method, net = learner.method, learner.net
    found = []
    for seed in (0, 0, 1):
        method.group(net, learner.items, Dice.roll(seed, 0, torch.arange(0)))
        found.append(net.C.clone())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_no_gradient_reaches_the_encoder_as_it_was():
    method = DeepCluster(clusters=2)
    net = net_of(method)
    net.old.requires_grad_(True)
    (player,) = method.players(net)
    x = torch.tensor([[5.0, 1.0], [0.0, 2.0]], dtype=torch.float64)
    loss = player.loss(batch(x, x), moment(2)).total
    assert all(g is None for g in torch.autograd.grad(loss, list(net.old.parameters()), allow_unused=True, retain_graph=True))
    assert torch.autograd.grad(loss, net.body.weight)[0].norm() > 0.01


def test_groupings_keep_the_contract():
    """Also between and right after them: restarts are exact, and two processes find the same groups."""
    purity.check_resume(dataclasses.replace(tiny(DeepCluster), period=2))
    processes.check_processes(dataclasses.replace(tiny(DeepCluster), period=1))
