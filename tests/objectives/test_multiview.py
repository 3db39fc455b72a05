"""The full graph of views against a loop over views and examples."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import full_graph_nce

TAU = 0.5


def cos(a, b):
    return (a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt())


def one_way(anchors, others, tau=TAU):
    """The partner of each code of one view among the codes of another."""
    n, total = len(anchors), 0.0
    for i in range(n):
        below = sum(torch.exp(cos(anchors[i], others[k]) / tau) for k in range(n))
        total = total - torch.log(torch.exp(cos(anchors[i], others[i]) / tau) / below)
    return total / n


def by_loops(*z, tau=TAU):
    """Tian et al. 2020: L(V_i, V_j) both ways, over all i < j."""
    total = 0.0
    for i in range(len(z)):
        for j in range(len(z)):
            if i != j:
                total = total + one_way(z[i], z[j], tau)
    return total


def ours(*z):
    return full_graph_nce(z, TAU)


def codes(views=3):
    return [generic(4, 3, seed=i) for i in range(views)]


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def test_by_hand():
    """First view at 0 and 90 degrees, second at 0 and 60, tau 1/2. Cosines over tau: a row each of (2, 1) and (0, 2 cos 30)."""
    c = 2 * math.cos(math.radians(30))
    log = lambda d: math.log(1 + math.exp(-d))
    there = (log(2 - 1) + log(c - 0)) / 2
    back = (log(2 - 0) + log(c - 1)) / 2
    assert full_graph_nce([at(0, 90), at(0, 60)], TAU).item() == pytest.approx(there + back, abs=1e-12)


@pytest.mark.parametrize("views", [2, 3, 4])
def test_value_and_gradient(views):
    assert_same(ours, by_loops, *codes(views))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a, b, c: by_loops(a, b) + by_loops(a, c),  # the core view, not the full graph
        lambda a, b, c: by_loops(a, b, c) / 2,  # the mean of both ways
        lambda a, b, c: by_loops(a, b, c) / 3,  # the mean over pairs
        lambda a, b, c: 2 * (one_way(a, b) + one_way(a, c) + one_way(b, c)),  # one way only
        lambda a, b, c: by_loops(a, b, c, tau=1 / TAU),  # multiplied by the temperature
        lambda a, b, c: by_loops(a, b.roll(1, 0), c),  # swapped partners
        lambda a, b, c: by_loops(a, b, c) + one_way(a, a),  # a view with itself
    ],
)
def test_it_is_none_of_these(wrong):
    assert_other(ours, wrong, *codes())


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_finite_on_hostile_batches(scale):
    """Zeros, duplicates, huge norms, a batch of 2, a collapsed view; a small temperature."""
    for rows in (torch.ones(2, 3), torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])):
        z = (scale * rows).requires_grad_(True)
        loss = full_graph_nce([z, z.flip(0), z * 2], 0.01)
        (gradient,) = torch.autograd.grad(loss, z)
        assert loss.isfinite() and gradient.isfinite().all()
