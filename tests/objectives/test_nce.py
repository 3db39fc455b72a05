"""Noise-contrastive estimation against sums written out, and against what one is tempted to write."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import nce

TAU = 0.3
LEFT_OUT = torch.zeros(4, 6, dtype=torch.bool)
LEFT_OUT[1, 2] = LEFT_OUT[3, 5] = True


def cos(a, b):
    return (a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt())


def by_loops(q, positive, negatives, similar=cos, tau=TAU, left_out=LEFT_OUT, second=1.0, sign=-1.0):
    """Misra and van der Maaten 2020, eq. 3 and 4, term by term. `second`: what the sum over the negatives counts."""
    losses = []
    for i in range(len(q)):
        own = torch.exp(similar(q[i], positive[i]) / tau)
        others = [torch.exp(similar(q[i], negatives[j]) / tau) for j in range(len(negatives)) if not left_out[i, j]]
        total = own + sum(others)
        loss = -torch.log(own / total)
        for other in others:
            loss = loss + sign * second * torch.log(1 - other / total)
        losses.append(loss)
    return torch.stack(losses)


def ours(q, positive, negatives):
    return nce(q, positive, negatives, TAU, LEFT_OUT)


CODES = generic(4, 3), generic(4, 3, seed=1), generic(6, 3, seed=2)


def test_value_and_gradient():
    assert ours(*CODES).shape == (4,)
    assert_same(ours, by_loops, *CODES)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda q, p, n: by_loops(q, p, n, left_out=torch.zeros_like(LEFT_OUT)),  # the example itself among its negatives
        lambda q, p, n: by_loops(q, p, n, similar=lambda a, b: (a * b).sum()),  # codes not normalised
        lambda q, p, n: by_loops(q, p, n, tau=1 / TAU),  # multiplied by the temperature
        lambda q, p, n: by_loops(q, p, n, second=0.0),  # InfoNCE, without the sum over the negatives
        lambda q, p, n: by_loops(q, p, n, second=1 / 6),  # its mean for its sum
        lambda q, p, n: by_loops(q, p, n, sign=1.0),  # its sign
        lambda q, p, n: by_loops(p, q, n),  # memory and code swapped
        lambda q, p, n: by_loops(q, p.roll(1, 0), n),  # another's memory
        lambda q, p, n: by_loops(q, p, n).mean(),  # a mean where one value an example is due
    ],
)
def test_it_is_none_of_these(wrong):
    assert_other(ours, wrong, *CODES)


def test_by_hand():
    """The positive at the code, one negative opposite, tau 1: h_0 = e / (e + 1/e), h_1 = 1 - h_0, so both terms are -log h_0."""
    q = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    loss = nce(q, 3 * q, -5 * q, 1.0, torch.zeros(1, 1, dtype=torch.bool))
    assert loss.item() == pytest.approx(2 * math.log(1 + math.exp(-2)), abs=1e-12)


@pytest.mark.parametrize("tau", [0.5, 0.07, 0.001])
@pytest.mark.parametrize(
    ("q", "positive", "negatives"),
    [
        (torch.ones(2, 3), torch.ones(2, 3), torch.ones(5, 3)),  # collapsed
        (torch.ones(2, 3), -torch.ones(2, 3), torch.ones(5, 3)),  # duplicates of the code among the negatives
        (torch.ones(2, 3), -torch.ones(2, 3), torch.tensor([[1.0, 1.0, 1.0], [-1.0, 0.0, 0.0]])),  # one negative certain, the positive not
        (torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(5, 3)),
        (1e4 * torch.ones(2, 3), 1e4 * torch.eye(3)[:2], 1e4 * torch.eye(3)),
        (1e-4 * torch.eye(3)[:2], torch.eye(3)[:2], torch.eye(3)[2:]),
    ],
)
def test_hostile_batches_give_finite_values_and_gradients(q, positive, negatives, tau):
    q = q.clone().requires_grad_()
    loss = nce(q, positive, negatives, tau, torch.zeros(2, len(negatives), dtype=torch.bool)).sum()
    assert loss.isfinite()
    assert loss >= 0
    assert torch.autograd.grad(loss, q)[0].isfinite().all()


def test_without_any_negative_there_is_nothing_to_learn():
    q = generic(2, 3).float().detach().requires_grad_()
    loss = nce(q, torch.ones(2, 3), torch.ones(1, 3), TAU, torch.ones(2, 1, dtype=torch.bool)).sum()
    assert loss.item() == 0.0
    assert torch.autograd.grad(loss, q)[0].abs().max() < 1e-12
