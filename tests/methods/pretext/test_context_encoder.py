"""What is painted counts in the hole, and the adversary sees the hole alone."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory import checks
from allegory.core import Array
from allegory.methods.pretext.context_encoder import ContextEncoder, rim
from allegory.views import Holes, Masked

X = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]], [[[0.0, 1.0], [1.0, 0.0]]]]).double()
MASK = torch.tensor([[[[True, False], [True, True]]], [[[False, False], [False, True]]]])


class Reshaped(nn.Module):
    """A linear map between pictures of 2 x 2."""

    def __init__(self, rows):
        super().__init__()
        self.map = linear(rows)

    def forward(self, x):
        return self.map(x).view(-1, 1, 2, 2)


def net_of(method):
    """A painter that says what it sees one pixel further on, in reading order."""
    net = method.build(Array((1, 8, 8)), 4).double()
    net.body, net.decoder = nn.Flatten(), Reshaped([[0.0] * 4, [1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0]])
    return net


def test_the_error_by_hand():
    """Of (1, 2, 3, 4) only the 2 is seen, and said of the third: errors 1, 1 and 16 of the hidden three, mean 6.
    Of (0, 1, 1, 0) all but the last is seen, which is said to be 1: error 1. The mean of both is 3.5."""
    method = ContextEncoder()
    (player,) = method.players(net_of(method))
    loss = player.loss(batch(X, Masked(X, MASK)), moment(2))
    assert loss.total.item() == pytest.approx(3.5, abs=1e-12)
    assert loss.terms["error"] is loss.total


def test_the_rim_counts_ten_times():
    """With overlap 1 everything is painted: 1 + 10 * 4 + 1 + 16 over 4; and 10 * (0 + 1 + 0) + 1 over 4."""
    method = ContextEncoder(overlap=1)
    (player,) = method.players(net_of(method))
    loss = player.loss(batch(X, Masked(X, MASK)), moment(2))
    assert loss.total.item() == pytest.approx((58 / 4 + 11 / 4) / 2, abs=1e-12)
    mask = torch.zeros(1, 1, 5, 5, dtype=torch.bool)
    mask[..., 2, 2] = True
    around = rim(mask, 1)
    assert around.sum() == 8 and not around[..., 2, 2].any() and around[..., 1, 1].all()
    assert rim(mask, 0).sum() == 0


def adversarial(share):
    method = ContextEncoder(adversary=share)
    net = net_of(method)
    # The critic's logit for "true" is the sum of what it sees.
    net.critic = nn.Sequential(nn.Flatten(), linear([[1.0] * 4, [0.0] * 4]))
    return method, net


def test_the_painters_loss_with_an_adversary_by_hand():
    """In the holes the painter says (0, 2, 0) and (1), sums 2 and 1: -log D is log(1 + e^-2) and log(1 + e^-1)."""
    method, net = adversarial(0.25)
    painter, _ = method.players(net)
    loss = painter.loss(batch(X, Masked(X, MASK)), moment(2))
    doubt = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))) / 2
    assert loss.total.item() == pytest.approx(0.75 * 3.5 + 0.25 * doubt, abs=1e-9)
    assert loss.terms["adversary"].item() == pytest.approx(doubt, abs=1e-9)


def test_the_adversarys_loss_by_hand():
    """The true regions sum to 8 and 0, the painted ones to 2 and 1; the context, which is equal in both, is not seen."""
    method, net = adversarial(0.25)
    _, critic = method.players(net)
    loss = critic.loss(batch(X, Masked(X, MASK)), moment(2))
    of_true = (math.log(1 + math.exp(-8)) + math.log(2)) / 2
    of_painted = (math.log(1 + math.exp(2)) + math.log(1 + math.exp(1))) / 2
    assert loss.total.item() == pytest.approx((of_true + of_painted) / 2, abs=1e-9)
    other = Masked(torch.where(MASK, X, X + 0.0), MASK)
    assert critic.loss(batch(X, other), moment(2)).total.item() == loss.total.item()


def test_the_adversarys_loss_moves_no_painter():
    method = ContextEncoder(adversary=0.1)
    net = method.build(Array((1, 8, 8)), 4)
    painter, critic = method.players(net)
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    hole = Holes()(x, moment(4).dice)
    loss = critic.loss(batch(x, hole), moment(4)).total
    assert all(g is None for g in torch.autograd.grad(loss, [p for _, p in painter.parameters], allow_unused=True, retain_graph=True))
    assert all(g is not None for g in torch.autograd.grad(loss, [p for _, p in critic.parameters], allow_unused=True))
    assert ContextEncoder().build(Array((1, 8, 8)), 4).critic is None


def test_what_is_hidden_is_not_seen():
    method = ContextEncoder()
    net = method.build(Array((3, 8, 8)), 4)
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    hole = Holes()(x, moment(4).dice)
    other = Masked(torch.where(hole.mask, x + 1.0, x), hole.mask)
    assert torch.equal(net.f(method.shown(hole)), net.f(method.shown(other)))


def test_the_contract_holds_with_an_adversary_and_a_bottleneck():
    checks.check_method(ContextEncoder(adversary=0.01, latent=8, overlap=1))
