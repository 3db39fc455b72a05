"""W-MSE on projections whose whitening is known."""

import pytest
import torch
from helpers.moments import batch, linear, moment

from allegory.core import Array
from allegory.methods.contrastive.wmse import WMSE

WHITE = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)  # but for a factor
EYE = [[1.0, 0.0], [0.0, 1.0]]


def loss_of(first, second, head=EYE, bias=(0.0, 0.0)):
    method = WMSE()
    net = method.build(Array((2,)), 4)
    net.body, net.head = linear(EYE), linear(head, list(bias))
    (player,) = method.players(net)
    return player.loss(batch(first, (first, second)), moment(4)).total


def test_the_loss_by_hand():
    """White already, and the second view has its second number negated: each pair is at right angles, (1, 1) and (1, -1): 2 - 2 cos 90.

    With both views alike 0; with all negated 4: the most.
    """
    assert loss_of(WHITE, WHITE * torch.tensor([1.0, -1.0])).item() == pytest.approx(2.0, abs=1e-9)
    assert loss_of(WHITE, WHITE).item() == pytest.approx(0.0, abs=1e-9)
    assert loss_of(WHITE, -WHITE).item() == pytest.approx(4.0, abs=1e-9)


def test_lengths_means_and_correlations_of_the_projection_do_not_matter():
    """A lower triangular head is undone by the Cholesky factor (the shrinkage leaves a thousandth): still 2."""
    second = WHITE * torch.tensor([1.0, -1.0])
    assert loss_of(WHITE, second, [[3.0, 0.0], [2.0, 0.5]], (7.0, -1.0)).item() == pytest.approx(2.0, abs=0.1)


def test_a_narrow_code_is_no_way_to_a_lower_loss():
    """Shrinking all items towards one point, at any rate, changes nothing: what a plain squared error would reward."""
    second = WHITE * torch.tensor([1.0, -1.0])
    assert loss_of(WHITE, second, [[0.1, 0.0], [0.0, 0.1]]).item() == pytest.approx(2.0, abs=1e-2)


def test_both_views_are_pulled():
    first, second = WHITE.clone().requires_grad_(), (WHITE + 0.3 * WHITE.roll(1, 0)).requires_grad_()
    of_first, of_second = torch.autograd.grad(loss_of(first, second), (first, second))
    assert min(of_first.norm(), of_second.norm()) > 0.01
