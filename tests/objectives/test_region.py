"""The error over a region against a loop, and on hostile batches."""

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import region_error

MASK = torch.tensor([[[1, 0], [1, 1]], [[0, 0], [0, 1]], [[0, 1], [0, 0]]]).bool()[:, None]  # (3, 1, 2, 2): 3, 1 and 1 places


def by_loops(out, x, weight):
    """Pathak et al. 2016, eq. 1, with the region's size below it, pixel by pixel."""
    losses = []
    for i in range(len(x)):
        total, count = 0.0, 0
        for c in range(x.shape[1]):
            for h in range(x.shape[2]):
                for w in range(x.shape[3]):
                    weighs = float(weight[i, 0, h, w])
                    total = total + weighs * (x[i, c, h, w] - out[i, c, h, w]) ** 2
                    count += weighs > 0
        losses.append(total / count)
    return torch.stack(losses)


def test_by_hand():
    """Of errors 1, 2, 3, 4 the first and the last two are hidden: (1 + 9 + 16) / 3; then with the first counting ten times."""
    out, x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]).double(), torch.zeros(1, 1, 2, 2).double()
    assert region_error(out, x, MASK[:1]).tolist() == pytest.approx([26 / 3], abs=1e-12)
    heavy = MASK[:1] * torch.tensor([[10.0, 1.0], [1.0, 1.0]])
    assert region_error(out, x, heavy).tolist() == pytest.approx([35 / 3], abs=1e-12)


def test_value_and_gradient():
    weights = MASK * torch.tensor([[10.0, 1.0], [1.0, 1.0]])
    out, x = generic(3, 2, 2, 2), generic(3, 2, 2, 2, seed=1)
    for weight in (MASK, weights):
        assert_same(lambda a, b, w=weight: region_error(a, b, w), lambda a, b, w=weight: by_loops(a, b, w), out, x)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a, b: by_loops(a, b, ~MASK),  # the visible part
        lambda a, b: (a - b).square().flatten(1).mean(1),  # all of it
        lambda a, b: ((a - b).square() * MASK).flatten(1).sum(1),  # a sum over the region
        lambda a, b: ((a - b).square() * MASK).flatten(1).mean(1),  # the size of the picture below
        lambda a, b: by_loops(a, b, MASK) / 2,  # half the square
        lambda a, b: by_loops(a, b, MASK) * 2,  # one count for both channels
    ],
)
def test_it_is_none_of_these(wrong):
    assert_other(lambda a, b: region_error(a, b, MASK), wrong, generic(3, 2, 2, 2), generic(3, 2, 2, 2, seed=1))


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_finite_on_hostile_batches(scale):
    out = (scale * torch.ones(2, 1, 2, 2)).requires_grad_(True)
    empty = torch.zeros(2, 1, 2, 2, dtype=torch.bool)
    for weight in (empty, ~empty):
        loss = region_error(out, torch.zeros(2, 1, 2, 2), weight)
        (gradient,) = torch.autograd.grad(loss.sum(), out)
        assert loss.isfinite().all() and gradient.isfinite().all()
    assert region_error(out, torch.zeros(2, 1, 2, 2), empty).sum() == 0
