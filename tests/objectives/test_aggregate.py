"""The aggregate posterior against sums written out, and where its total correlation is known."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.core import Dice
from allegory.objectives import log_shares, total_correlation

N = 50


def by_loops(z, mu, log_var, share):
    """E[log q(z) - sum_j log q(z_j)] number by number; `share(i, j, b)` is the weight of example j in the estimate at z_i."""
    b, d = z.shape

    def density(i, j, k):
        return torch.exp(-((z[i, k] - mu[j, k]) ** 2) / (2 * torch.exp(log_var[j, k]))) / torch.sqrt(2 * math.pi * torch.exp(log_var[j, k]))

    total = 0.0
    for i in range(b):
        joint = sum(share(i, j, b) * math.prod(density(i, j, k) for k in range(d)) for j in range(b))
        alone = [sum(share(i, j, b) * density(i, j, k) for j in range(b)) for k in range(d)]
        total = total + torch.log(joint) - sum(torch.log(a) for a in alone)
    return total / b


def weighted(i, j, b):
    del i, j
    return 1 / (N * b)


def stratified(i, j, b):
    m = b - 1
    return 1 / N if i == j else (N - m) / (N * m) if j == (i + 1) % b else 1 / m


@pytest.mark.parametrize("share", [weighted, stratified])
def test_value_and_gradient(share):
    ours = lambda z, mu, v: total_correlation(z, mu, v, N, stratified=share is stratified)
    inputs = [generic(4, 3, seed=s) for s in range(3)]
    assert_same(ours, lambda z, mu, v: by_loops(z, mu, v, share), *inputs)
    assert_other(ours, lambda z, mu, v: -by_loops(z, mu, v, share), *inputs)
    assert_other(ours, lambda z, mu, v: by_loops(z, mu, 2 * v, share), *inputs)  # sigma for sigma squared


def test_stratified_shares_sum_to_one_and_weighted_ones_to_one_in_n():
    for b in (2, 5, 50):
        assert log_shares(b, N, True, torch.ones(1).double()).exp().sum(1) == pytest.approx(torch.ones(b).double())
        assert log_shares(b, N, False, torch.ones(1).double()).exp().sum(1) == pytest.approx(torch.full((b,), 1 / N).double())


def test_codes_of_known_correlation():
    """Two latents with means (m, m), m ~ N(0, .75), and sigma^2 = .25: q(z) is a Gaussian of variance 1 and correlation .75, whose total
    correlation is -log(1 - .75^2) / 2 = .4133 nats. With all of the data in the batch the estimate is that of q(z) itself."""
    n = 2000
    dice = Dice.roll(0, 0, torch.arange(n))
    m = 0.75**0.5 * dice.normal("m", 1).double().expand(-1, 2)
    log_var = torch.full_like(m, math.log(0.25))
    z = m + 0.5 * dice.normal("eps", 2).double()
    assert float(total_correlation(z, m, log_var, n, stratified=True)) == pytest.approx(0.4133, abs=0.06)
    apart = torch.stack([m[:, 0], m[torch.randperm(n, generator=torch.Generator().manual_seed(0)), 1]], 1)
    z = apart + 0.5 * dice.normal("eps", 2).double()
    assert float(total_correlation(z, apart, log_var, n, stratified=True)) == pytest.approx(0.0, abs=0.04)


def test_the_weighted_estimate_is_lower_by_the_share_of_the_batch():
    """Every log q falls by log N / 1, the joint once and each of d latents once: the difference rises by (d - 1) log N."""
    z, mu, v = (generic(6, 3, seed=s).detach() for s in range(3))
    known, twice = (float(total_correlation(z, mu, v, n)) for n in (N, 2 * N))
    assert twice - known == pytest.approx(2 * math.log(2), abs=1e-9)
