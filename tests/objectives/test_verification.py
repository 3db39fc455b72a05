"""The balanced cross-entropy of all pairs against sums written out."""

import math

import pytest
import torch
from helpers.distributed import over_processes
from helpers.numbers import assert_other, assert_same, generic

from allegory.core import rank
from allegory.objectives import pairs_verified


def by_loops(logits, half=True, turned=False):
    n = len(logits)
    one, two = [], []
    for i in range(n):
        for j in range(n):
            p = 1 / (1 + torch.exp(-logits[i, j]))  # of two items
            if turned:
                p = 1 - p
            (one if i == j else two).append(-torch.log(1 - p) if i == j else -torch.log(p))
    if not half:
        return sum(one + two) / (n * n)
    return (sum(one) / len(one) + sum(two) / len(two)) / 2


def test_by_hand():
    """Two items: pairs of one at log-odds 0 and -log 3, of two at log 3 and 0: nats log 2, log 4/3; log 4/3, log 2."""
    three = math.log(3)
    logits = torch.tensor([[0.0, three], [0.0, -three]], dtype=torch.float64)
    loss, right = pairs_verified(logits)
    assert loss.item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2, abs=1e-9)
    assert right.item() == pytest.approx((2 / 2 + 1 / 2) / 2)  # a tie is taken for one item


def test_value_and_gradient():
    ours = lambda logits: pairs_verified(logits)[0]
    assert_same(ours, by_loops, generic(5, 5))
    assert_other(ours, lambda x: by_loops(x, half=False), generic(5, 5))  # every pair alike: those of two items drown the others
    assert_other(ours, lambda x: by_loops(x, turned=True), generic(5, 5))  # y = 1 for the same item
    assert_other(ours, lambda x: 2 * by_loops(x), generic(5, 5))


def over_two():
    logits = generic(6, 6).detach()[rank() * 3 : rank() * 3 + 3].requires_grad_()
    loss, _ = pairs_verified(logits)
    return loss, *torch.autograd.grad(loss, logits)


def test_two_processes_ask_the_pairs_of_the_whole_batch():
    logits = generic(6, 6)
    whole = pairs_verified(logits)[0]
    (gradient,) = torch.autograd.grad(whole, logits)
    for i, (loss, found) in enumerate(over_processes(over_two)):
        assert loss == pytest.approx(float(whole.detach()), abs=1e-12)
        torch.testing.assert_close(torch.as_tensor(found), 2 * gradient[3 * i : 3 * i + 3], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("logits", [torch.zeros(3, 3), 1e4 * torch.ones(2, 2), -1e4 * torch.ones(2, 2), torch.zeros(1, 1)])
def test_finite_on_hostile_batches(logits):
    logits = logits.clone().requires_grad_()
    loss, right = pairs_verified(logits)
    assert loss.isfinite() and right.isfinite()
    assert torch.autograd.grad(loss, logits)[0].isfinite().all()
