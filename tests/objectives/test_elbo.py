"""The pieces of the ELBO against sums written out."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import gaussian_kl, gaussian_kl_to, reparameterise


def kl_by_loops(mu, log_var, variance=torch.exp, turned=False):
    """KL(N(m1, v1) || N(m2, v2)) = (log v2/v1 + (v1 + (m1 - m2)^2)/v2 - 1)/2, term by term; `turned`: KL(p || q)."""
    rows = []
    for i in range(len(mu)):
        row = []
        for j in range(mu.shape[1]):
            m, v = mu[i, j], variance(log_var[i, j])
            forward = (-torch.log(v) + v + m * m - 1.0) / 2.0
            backward = (torch.log(v) + (1.0 + m * m) / v - 1.0) / 2.0
            row.append(backward if turned else forward)
        rows.append(torch.stack(row))
    return torch.stack(rows)


def test_gaussian_kl_by_hand():
    # N(1, 4) from N(0, 1): (1 + 4 - log 4 - 1) / 2 = 2 - log 2; N(0, 1) from itself: 0
    kl = gaussian_kl(torch.tensor([[1.0, 0.0]]), torch.tensor([[math.log(4.0), 0.0]]))
    assert kl[0].tolist() == pytest.approx([2.0 - math.log(2.0), 0.0], abs=1e-6)


def test_gaussian_kl_and_its_gradient():
    mu, log_var = generic(4, 3), generic(4, 3, seed=1)
    assert gaussian_kl(mu, log_var).shape == (4, 3)
    assert_same(gaussian_kl, kl_by_loops, mu, log_var)


def test_gaussian_kl_agrees_with_torch():
    mu, log_var = generic(4, 3), generic(4, 3, seed=1)
    q = torch.distributions.Normal(mu, torch.exp(log_var / 2))
    torch.testing.assert_close(gaussian_kl(mu, log_var), torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda m, s: kl_by_loops(m, s, variance=lambda v: torch.exp(0.5 * v)),  # sigma for sigma squared
        lambda m, s: kl_by_loops(m, s, turned=True),  # KL(p || q)
        lambda m, s: -kl_by_loops(m, s),  # the sign
        lambda m, s: kl_by_loops(m, s).mean(1),  # a mean over latents
    ],
)
def test_gaussian_kl_is_none_of_these(wrong):
    assert_other(gaussian_kl, wrong, generic(4, 3), generic(4, 3, seed=1))


def test_reparameterise_by_hand():
    # variance 9: sigma 3, so 2 + 3 * (-0.5) = 0.5; with the variance for sigma it would be -2.5, with log_var for log sigma as well
    z = reparameterise(torch.tensor([[2.0]]), torch.tensor([[math.log(9.0)]]), torch.tensor([[-0.5]]))
    assert float(z) == pytest.approx(0.5, abs=1e-6)


def test_reparameterise_and_its_gradient():
    assert_same(
        reparameterise, lambda m, s, e: m + torch.sqrt(torch.exp(s)) * e, generic(3, 2), generic(3, 2, seed=1), generic(3, 2, seed=2)
    )
    assert_other(reparameterise, lambda m, s, e: m + torch.exp(s) * e, generic(3, 2), generic(3, 2, seed=1), generic(3, 2, seed=2))


def test_the_divergence_to_another_gaussian_by_hand():
    """N(0, 1) to N(0, 9): (1/9 - 1 + log 9) / 2 = .6542, back (9 - 1 - log 9) / 2 = 2.9014; N(1, 1) to N(3, 4): (5/4 - 1 + log 4) / 2."""
    zero, one = torch.zeros(1, 1).double(), torch.ones(1, 1).double()
    nine = 9 * one
    assert gaussian_kl_to(zero, zero, zero, nine.log()).item() == pytest.approx(0.65417, abs=1e-5)
    assert gaussian_kl_to(zero, nine.log(), zero, zero).item() == pytest.approx(2.90139, abs=1e-5)
    assert gaussian_kl_to(one, zero, 3 * one, (4 * one).log()).item() == pytest.approx((0.25 + math.log(4)) / 2, abs=1e-9)
    torch.testing.assert_close(gaussian_kl_to(3 * one, nine.log(), zero, zero), gaussian_kl(3 * one, nine.log()))
