"""Barlow Twins on projections whose correlations are known."""

import pytest
import torch
from helpers.moments import batch, linear, moment

from allegory.core import Array
from allegory.methods.contrastive.barlow_twins import BarlowTwins

FIRST = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)  # two numbers without correlation
MIXED = linear([[1.0, 0.0], [0.6, 0.8]])  # of these: the second number has correlation .6 with the first


def loss_of(lam, first, second, head=None):
    method = BarlowTwins(lam=lam)
    net = method.build(Array((2,)), 4)
    net.body, net.head = linear([[1.0, 0.0], [0.0, 1.0]]), head or linear([[3.0, 0.0], [0.0, 0.5]], [5.0, -2.0])  # no matter: standardised
    (player,) = method.players(net)
    return player.loss(batch(first, (first, second)), moment(4))


def test_views_that_agree_in_independent_numbers_cost_nothing():
    assert loss_of(0.1, FIRST, FIRST).total.item() == pytest.approx(0.0, abs=1e-4)  # the eps of the variance leaves some 1e-10


def test_the_loss_by_hand():
    """z' = (z1, -z2): C = diag(1, -1), so (1 - 1)^2 + (1 + 1)^2. Mixed numbers: C_12 = C_21 = .6, so 2 * .36 times lam."""
    flipped = FIRST * torch.tensor([1.0, -1.0], dtype=torch.float64)
    assert loss_of(0.1, FIRST, flipped).total.item() == pytest.approx(4.0, abs=1e-3)
    loss = loss_of(0.1, FIRST, FIRST, MIXED)
    assert loss.total.item() == pytest.approx(0.1 * 2 * 0.36, abs=1e-4)
    assert loss.terms["redundancy"].item() == pytest.approx(0.72, abs=1e-3)
    assert loss.terms["invariance"].item() == pytest.approx(0.0, abs=1e-4)


def test_a_collapsed_code_costs_the_most_that_indifference_can():
    """All items at one point: no correlation at all, 1 for each number."""
    assert loss_of(0.1, FIRST * 0, FIRST * 0).total.item() == pytest.approx(2.0, abs=1e-9)


def test_the_code_is_below_the_head():
    method = BarlowTwins()
    net = method.build(Array((2,)), 4)
    net.body, net.head = linear([[2.0, 0.0], [0.0, 2.0]]), MIXED
    torch.testing.assert_close(method.encode(net, FIRST), 2 * FIRST)
