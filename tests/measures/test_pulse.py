"""The figures that a loss reports of its projections, by hand."""

import math

import pytest
import torch

from allegory import measures


def test_a_cross_fills_the_circle_and_a_line_has_one_direction():
    """Unit vectors along the axes, two each way: deviation sqrt(1/2) a coordinate, times sqrt 2; both directions are used alike. Of lengths
    nothing is said: on a line through the origin only the sign is left, and half of the plane."""
    cross = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]], dtype=torch.float64).repeat(2, 1)
    lengths = torch.arange(1.0, 9.0, dtype=torch.float64)[:, None]
    for z in (cross, cross * lengths):
        found = measures.pulse(z)
        assert found["projection_spread"].item() == pytest.approx(1.0) and found["projection_rank"].item() == pytest.approx(2.0)
    line = measures.pulse(cross[:2].repeat(4, 1) * lengths)
    assert line["projection_spread"].item() == pytest.approx(1.0 / math.sqrt(2)) and line["projection_rank"].item() == pytest.approx(1.0)


def test_a_point_is_no_spread_and_a_few_items_have_no_pulse():
    z = torch.ones(8, 3, requires_grad=True)
    found = measures.pulse(z)
    assert found["projection_spread"].item() == pytest.approx(0.0, abs=1e-6)
    assert not any(v.requires_grad for v in found.values())
    assert measures.pulse(z[:7]) == {}
