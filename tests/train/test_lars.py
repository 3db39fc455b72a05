"""LARS, worked by hand."""

import math

import pytest
import torch
from torch import nn

from allegory.train.lars import LARS


def parameter(*values, grad):
    p = nn.Parameter(torch.tensor(values, dtype=torch.float64))
    p.grad = torch.tensor(grad, dtype=torch.float64)
    return p


def test_two_steps_by_hand():
    w = parameter(3.0, 4.0, grad=[0.0, 2.0])
    optimiser = LARS([w], lr=2.0, momentum=0.9, weight_decay=0.1, trust=0.01)
    optimiser.step()
    # |w| = 5, |g| = 2: local = .01 * 5 / (2 + .1 * 5) = .02 (with |g + .1 w| it would be .0206);
    # v = 2 * .02 * ((0, 2) + .1 * (3, 4)) = (.012, .096)
    assert w.tolist() == pytest.approx([2.988, 3.904], abs=1e-12)
    w.grad = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for group in optimiser.param_groups:
        group["lr"] = 1.0
    optimiser.step()
    # |w| = 4.91623..., |g| = 1: local = .01 * 4.91623 / 1.491623 = .0329589...
    # v = .9 * (.012, .096) + 1 * local * (1.2988, .3904): the old velocity keeps the old rate
    size = math.hypot(2.988, 3.904)
    local = 0.01 * size / (1 + 0.1 * size)
    assert w.tolist() == pytest.approx([2.988 - 0.0108 - local * 1.2988, 3.904 - 0.0864 - local * 0.3904], abs=1e-12)


def test_the_size_of_a_gradient_does_not_matter_without_decay():
    small, large = parameter(1.0, 2.0, grad=[1e-3, 2e-3]), parameter(1.0, 2.0, grad=[1e3, 2e3])
    LARS([small, large], lr=0.5).step()
    assert torch.allclose(small, large, rtol=1e-12)


def test_groups_that_do_not_adapt_are_plain_momentum():
    ours, theirs = parameter(1.0, -2.0, grad=[0.5, 0.25]), parameter(1.0, -2.0, grad=[0.5, 0.25])
    a = LARS([{"params": [ours], "adapt": False}], lr=0.1, momentum=0.8)
    b = torch.optim.SGD([theirs], lr=0.1, momentum=0.8)
    for _ in range(3):
        a.step()
        b.step()
    assert torch.allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize(("w", "g"), [([0.0, 0.0], [1.0, 2.0]), ([1.0, 2.0], [0.0, 0.0])])
def test_zero_weights_or_gradients_take_the_plain_step(w, g):
    p = parameter(*w, grad=g)
    LARS([p], lr=0.1, weight_decay=0.5).step()
    assert p.tolist() == pytest.approx([a - 0.1 * (b + 0.5 * a) for a, b in zip(w, g, strict=True)])


def test_parameters_without_a_gradient_stay_and_a_closure_is_evaluated_with_gradients():
    still, moved = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimiser = LARS([still, moved], lr=1.0)

    def closure():
        loss = moved.square().sum()
        loss.backward()
        return loss.item()

    assert optimiser.step(closure) == 2.0
    assert still.tolist() == [1.0, 1.0] and moved[0] < 1.0
