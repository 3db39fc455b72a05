import math

import numpy as np
import pytest
import torch

from allegory.measures import desiderata


def test_hoyer_by_hand():
    """d = 4: (3, 4, 0, 0) has |z|_1 = 7, |z|_2 = 5: (2 - 1.4) / 1 = .6."""
    z = torch.tensor([[3.0, -4, 0, 0], [1, 1, 1, 1], [0, 0, 5, 0], [0, 0, 0, 0]])
    each = desiderata.hoyer(z)
    assert each[:3].tolist() == pytest.approx([0.6, 0.0, 1.0])
    assert math.isnan(each[3])


def test_directions_and_moving_numbers_by_hand():
    """Variances 6 : 3 : 1: half takes 5/6 of a direction, .75 takes 1.5, .95 takes 2.5."""
    z = torch.cat([torch.eye(3), -torch.eye(3)]) * torch.tensor([6.0, 3, 1]).sqrt() + 4
    assert desiderata.directions(z, 0.5) == pytest.approx(5 / 6)
    assert desiderata.directions(z, 0.75) == pytest.approx(1.5)
    assert desiderata.directions(z, 0.95) == pytest.approx(2.5)
    assert desiderata.directions(torch.nn.functional.pad(z, (0, 20)), 0.95) == pytest.approx(2.5)
    assert desiderata.moving(z * torch.tensor([1, 1, 0.01]), 0.01) == 2
    assert desiderata.moving(z, 0.01) == 3


def test_between_classes_by_hand():
    """Codes 0, 2 | 4, 6: SS_total 20, SS_within 4: 1 - (4 / 2) / (20 / 3) = .7."""
    z, y = torch.tensor([[0.0], [2], [4], [6]]), torch.tensor([0, 0, 7, 7])
    assert desiderata.between_classes(z, y) == pytest.approx(0.7)
    rng = np.random.default_rng(0)
    noise = [desiderata.between_classes(torch.as_tensor(rng.normal(size=(40, 5))), torch.arange(40) % 10) for _ in range(200)]
    assert np.mean(noise) == pytest.approx(0.0, abs=0.02)


def test_cophenetic_correlation():
    """A balanced tree in two levels is kept exactly: pairs at 1, other pairs at the same larger distance."""
    corners = torch.eye(4)
    z = torch.cat([corners * 3, torch.eye(4)], 1).repeat_interleave(2, 0)
    z[1::2, 4:] = -z[1::2, 4:]
    assert desiderata.cophenetic(z) == pytest.approx(1.0)
    assert desiderata.cophenetic(torch.as_tensor(np.random.default_rng(1).normal(size=(300, 20)))) < 0.6


def test_chord_over_geodesic():
    """A straight line is 1; of a circle the chord is 2 sin(t/2) for an arc of t: the mean over t in [0, pi] is 0.874."""
    line = torch.arange(50.0)[:, None].double()
    assert desiderata.chord_over_geodesic(line, 2) == pytest.approx(np.ones(50))
    t = torch.arange(400.0).double() / 400 * 2 * math.pi
    circle = torch.stack([t.cos(), t.sin()], 1)
    arcs = np.linspace(1e-6, np.pi, 100_000)
    expected = np.mean(2 * np.sin(arcs / 2) / arcs)
    assert desiderata.chord_over_geodesic(circle, 2).mean() == pytest.approx(expected, abs=0.01)
    apart = torch.cat([line, line + 1e4])
    assert desiderata.chord_over_geodesic(apart, 2).mean() == pytest.approx(1.0)  # those out of reach are left out
