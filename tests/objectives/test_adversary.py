"""The critic's loss and the ratio that it estimates."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import density_ratio_kl, non_saturating, two_sample_cross_entropy


def d(logits):
    """D = p(from the first), by the softmax of (first, second)."""
    a, b = torch.exp(logits[0]), torch.exp(logits[1])
    return a / (a + b)


def kl_by_loops(logits):
    """E_first [log D - log(1 - D)] (Kim and Mnih 2018, eq. 3)."""
    return sum(torch.log(d(row)) - torch.log(1 - d(row)) for row in logits) / len(logits)


def cross_entropy_by_loops(first, second):
    """-(E_first log D + E_second log(1 - D)) / 2."""
    a = sum(torch.log(d(row)) for row in first) / len(first)
    b = sum(torch.log(1 - d(row)) for row in second) / len(second)
    return -(a + b) / 2


def test_by_hand():
    even = torch.zeros(3, 2)
    assert float(density_ratio_kl(even)) == 0.0
    assert float(two_sample_cross_entropy(even, even)) == pytest.approx(math.log(2), abs=1e-6)
    # D = 3/4 on the first, 1/4 on the second: ratio log 3, cross-entropy -log 3/4
    sure = torch.tensor([[math.log(3.0), 0.0]])
    assert float(density_ratio_kl(sure)) == pytest.approx(math.log(3), abs=1e-6)
    assert float(two_sample_cross_entropy(sure, sure.flip(1))) == pytest.approx(-math.log(0.75), abs=1e-6)


def test_the_true_ratio_gives_the_true_divergence():
    """With logits log p and log q of N(1, 1) and N(0, 1), the mean of their difference over many draws of p is KL = 1/2."""
    x = 1.0 + torch.special.ndtri((torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000)
    p, q = torch.distributions.Normal(1.0, 1.0), torch.distributions.Normal(0.0, 1.0)
    assert float(density_ratio_kl(torch.stack([p.log_prob(x), q.log_prob(x)], 1))) == pytest.approx(0.5, abs=1e-3)  # error of the grid


def test_values_and_gradients():
    assert_same(density_ratio_kl, kl_by_loops, generic(5, 2))
    assert_same(two_sample_cross_entropy, cross_entropy_by_loops, generic(5, 2), generic(4, 2, seed=1))


def test_the_classes_are_not_swapped():
    assert_other(density_ratio_kl, lambda x: kl_by_loops(x.flip(1)), generic(5, 2))
    assert_other(two_sample_cross_entropy, lambda a, b: cross_entropy_by_loops(b, a), generic(5, 2), generic(5, 2, seed=1))
    assert_other(two_sample_cross_entropy, lambda a, b: 2 * cross_entropy_by_loops(a, b), generic(5, 2), generic(5, 2, seed=1))


def fooling_by_loops(logits):
    """-E log D of made samples (Goodfellow et al. 2014, section 3)."""
    return -sum(torch.log(d(row)) for row in logits) / len(logits)


def test_the_non_saturating_loss():
    """Logits (log 3, 0): D = 3/4."""
    assert non_saturating(torch.tensor([[math.log(3.0), 0.0]], dtype=torch.float64)).item() == pytest.approx(math.log(4 / 3), abs=1e-9)
    assert_same(non_saturating, fooling_by_loops, generic(4, 2))
    wrong = (
        lambda z: sum(torch.log(1 - d(row)) for row in z) / len(z),  # the saturating one
        lambda z: fooling_by_loops(z.flip(1)),  # the other class
        lambda z: -fooling_by_loops(z),  # the sign
        lambda z: fooling_by_loops(z) * len(z),  # a sum
    )
    for other in wrong:
        assert_other(non_saturating, other, generic(4, 2))
    sure = torch.tensor([[-1e4, 1e4], [0.0, 0.0]], requires_grad=True)
    assert torch.autograd.grad(non_saturating(sure), sure)[0].isfinite().all()
