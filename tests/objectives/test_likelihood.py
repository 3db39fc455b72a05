"""log p(x|z) against sums written out, in nats, summed over dimensions."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import LIKELIHOODS, log_likelihood, observed

LOG_TAU = math.log(2 * math.pi)
VARIANCE = 0.3


def pixels():
    return torch.tanh(generic(3, 2, 2, seed=1)).detach().requires_grad_()


def by_loops(kind, x, out, variance=VARIANCE):
    """Dimension by dimension."""
    xs, outs = x.reshape(len(x), -1), out.reshape(len(x), -1)
    v = variance if kind == "sigma" else 1.0
    totals = []
    for i in range(len(x)):
        total = 0.0
        for a, b in zip(xs[i], outs[i], strict=True):
            p, d = 1 / (1 + torch.exp(-b)), (a + 1) / 2
            coin = d * torch.log(p) + (1 - d) * torch.log(1 - p)
            total = total + (coin if kind == "bernoulli" else -((a - b) ** 2) / (2 * v) - math.log(2 * math.pi * v) / 2)
        totals.append(total)
    return torch.stack(totals)


def ours(kind, variance=VARIANCE):
    return lambda x, out: log_likelihood(kind, x, out, torch.tensor(variance, dtype=x.dtype))


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_value_and_gradient(kind):
    x, out = pixels(), generic(3, 2, 2)
    assert ours(kind)(x, out).shape == (3,)
    assert_same(ours(kind), lambda a, b: by_loops(kind, a, b), x, out)


def test_by_hand():
    x, out = torch.tensor([[1.0, -1.0]]), torch.zeros(1, 2)
    assert float(log_likelihood("bernoulli", x, out)) == pytest.approx(-2 * math.log(2), abs=1e-6)  # two fair coins
    assert float(log_likelihood("gaussian", x, out)) == pytest.approx(-1.0 - LOG_TAU, abs=1e-6)  # squares 1 and 1, halved
    # variance 4: squares 1 and 1 over 8, and log 2 a dimension for the normaliser
    assert float(ours("sigma", 4.0)(x, out)) == pytest.approx(-0.25 - LOG_TAU - 2 * math.log(2), abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("bernoulli", lambda x, o: by_loops("bernoulli", 2 * x - 1, o)),  # pixels taken as probabilities
        ("bernoulli", lambda x, o: -by_loops("bernoulli", x, o)),  # the sign
        ("gaussian", lambda x, o: 2 * (by_loops("gaussian", x, o) + 2 * LOG_TAU) - 2 * LOG_TAU),  # without the half
        ("gaussian", lambda x, o: by_loops("gaussian", x, o) / 4),  # a mean over dimensions
        ("sigma", lambda x, o: by_loops("sigma", x, o, VARIANCE**0.5)),  # sigma for sigma squared
    ],
)
def test_it_is_none_of_these(kind, wrong):
    assert_other(ours(kind), wrong, pixels(), generic(3, 2, 2))


def test_the_mean_squared_error_is_the_best_variance():
    x, out = pixels().detach(), generic(3, 2, 2).detach()
    best = float((x - out).square().mean())
    assert all(ours("sigma", best)(x, out).sum() > ours("sigma", best * factor)(x, out).sum() for factor in (0.5, 0.9, 1.1, 2.0))


def test_what_is_seen_is_in_the_unit_of_the_data():
    out = torch.tensor([[0.0, math.log(3.0)]])  # probabilities 1/2 and 3/4
    assert observed("bernoulli", out)[0].tolist() == pytest.approx([0.0, 0.5], abs=1e-6)
    assert torch.equal(observed("gaussian", out), out)
