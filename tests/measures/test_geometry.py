import math

import pytest
import torch

from allegory import measures


def test_alignment_by_hand():
    f = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    g = torch.tensor([[0.0, 1.0], [0.0, 1.0]])  # a quarter turn: |f - g|^2 = 2; the same point: 0
    assert measures.alignment(f, g).item() == pytest.approx(1.0)


def test_uniformity_by_hand():
    """Three points on the circle at 0, 90 and 180 degrees: squared distances 2, 2 and 4."""
    f = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    expected = math.log((2 * math.exp(-4) + math.exp(-8)) / 3)
    assert measures.uniformity(f).item() == pytest.approx(expected, rel=1e-6)


def test_uniformity_of_collapsed_codes_is_zero_and_random_codes_reach_the_limit():
    assert measures.uniformity(torch.ones(5, 3) / math.sqrt(3)).item() == pytest.approx(0.0, abs=1e-6)
    z = measures.on_sphere(torch.randn(2000, 64, generator=torch.Generator().manual_seed(0)))
    assert measures.uniformity(z).item() == pytest.approx(-4 + 4 * 2 / 64, abs=0.02)  # log E exp(-4 + 4 cos), cos ~ N(0, 1/64)


def test_on_sphere():
    z = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert torch.equal(measures.on_sphere(z), torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_normalised_spread():
    z = torch.tensor([[2.0, 0.0], [0.0, 5.0]])  # on the sphere each coordinate is 1 and 0: standard deviation 1/2
    assert measures.normalised_spread(z).item() == pytest.approx(0.5)
    assert measures.normalised_spread(torch.tensor([[1.0, 1.0], [7.0, 7.0]])).item() == pytest.approx(0.0, abs=1e-7)
    z = torch.randn(4000, 100, generator=torch.Generator().manual_seed(0))
    assert measures.normalised_spread(z).item() == pytest.approx(0.1, rel=0.01)
