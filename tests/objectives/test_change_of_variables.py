"""Densities through a bijection, and levels moved within their cells."""

import math

import pytest
import torch
from helpers.moments import moment

from allegory.objectives import dequantised, log_density_through


def test_a_density_through_a_bijection_by_hand():
    """z = 2 x + 1 of two numbers: log N(z; 0, I) + 2 log 2 is N(-1/2, 1/4) at x."""
    x = torch.tensor([[0.0, -1.0], [0.5, 0.25]]).double()
    got = log_density_through(2.0 * x + 1.0, torch.full((2,), 2.0 * math.log(2.0)).double())
    expected = torch.distributions.Normal(-0.5, 0.5).log_prob(x).sum(1)
    torch.testing.assert_close(got, expected, rtol=0.0, atol=1e-7)  # the normal's own numbers are float32
    assert got[0].item() == pytest.approx(-0.5 * (1.0 + 1.0) - math.log(2 * math.pi) + 2.0 * math.log(2.0))


def test_levels_fill_their_cells():
    """3 levels are 1 apart: numbers uniform within half of that on both sides, each example by its own dice."""
    x = torch.tensor([-1.0, 0.0, 1.0]).double().repeat(1000, 1)
    u = dequantised(x, 3, moment(1000).dice) - x
    assert u.dtype == torch.float64
    assert -0.5 <= u.min() < -0.49
    assert 0.49 < u.max() < 0.5
    assert u.mean().item() == pytest.approx(0.0, abs=0.03)  # five standard errors of 3,000 draws
    assert u.square().mean().item() == pytest.approx(1.0 / 12.0, abs=0.007)
    later = moment(1000).dice.take(torch.arange(10, 20))
    assert torch.equal(dequantised(x[10:20], 3, later), (x + u)[10:20])
