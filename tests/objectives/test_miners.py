"""What the miners choose, counted by hand on the circle, and how often the distance-weighted one draws what."""

import math

import numpy as np
import pytest
import torch

from allegory.objectives.miners import MINERS, on_sphere, weights


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


# squared distances by the angle between: 10 .030, 14 .059, 20 .121, 24 .173, 30 .268, 44 .561, 46 .611, 60 1, 70 1.316, 90 2
Z, Y = at(0, 30, 20, 44, 90), torch.tensor([0, 0, 1, 2, 2])


def chosen(name, margin, draws=None):
    return {tuple(map(int, t)) for t in zip(*MINERS[name](on_sphere(Z, Y), margin, draws), strict=True)}


def test_all_that_violate_the_margin():
    """Nearer than .268 + .25: from 0 is 20, from 30 are 20 and 44. Nearer than .611 + .25: from 44 are 0, 30 and 20, from 90 nothing."""
    assert chosen("all", 0.25) == {(0, 1, 2), (1, 0, 2), (1, 0, 3), (3, 4, 0), (3, 4, 1), (3, 4, 2)}


def test_semi_hard():
    """Farther than the positive and inside the margin: from 0 (.268) is 44 (.561), from 90 (.611) is 30 (1)."""
    assert chosen("semi-hard", 0.25) == set()
    assert chosen("semi-hard", 0.3) == {(0, 1, 3)}
    assert chosen("semi-hard", 0.45) == {(0, 1, 3), (4, 3, 1)}


def test_hardest():
    """One triplet for every anchor that has a classmate, whatever the margin."""
    assert chosen("hardest", 0.0) == {(0, 1, 2), (1, 0, 2), (3, 4, 1), (4, 3, 1)}


def test_weights_of_negatives_by_hand():
    """In 2 dimensions 1 / q(d) = sqrt(1 - d^2 / 4), which is cos(angle / 2); nearer than .5 counts as .5; 1.4 and farther not at all."""
    p = weights(on_sphere(Z, Y))
    half = lambda angle: math.cos(math.radians(angle / 2))
    near = math.sqrt(1 - 0.25 / 4)
    assert p[0].tolist() == pytest.approx([0, 0, near / (near + half(44)), half(44) / (near + half(44)), 0], abs=1e-12)
    assert p[4].tolist() == pytest.approx([0, half(60) / (half(60) + half(70)), half(70) / (half(60) + half(70)), 0, 0], abs=1e-12)


def test_in_many_dimensions_near_negatives_are_drawn_most():
    """q(d) ~ d^62 (1 - d^2 / 4)^30.5 for 64 dimensions: .8 is drawn rather than 1.2 by the ratio of the densities."""
    z = torch.zeros(4, 64, dtype=torch.float64)
    z[:, 0] = 1
    for row, d in ((2, 0.8), (3, 1.2)):
        z[row, :2] = torch.tensor([1 - d * d / 2, math.sqrt(1 - (1 - d * d / 2) ** 2)])
    p = weights(on_sphere(z, torch.tensor([0, 0, 1, 1])))
    q = lambda d: d**62 * (1 - d * d / 4) ** 30.5
    assert float(p[0, 3] / p[0, 2]) == pytest.approx(q(0.8) / q(1.2), rel=1e-9)


def test_distance_weighted_draws_by_its_weights():
    """4,000 draws of the negative of the anchor at 0 and its one positive: within four standard errors."""
    c = on_sphere(Z, Y)
    draws = torch.as_tensor(np.random.default_rng(0).uniform(size=(4000, 5, 5)))
    picked = [int(n) for u in draws for a, _, n in zip(*MINERS["distance-weighted"](c, 0.2, u), strict=True) if a == 0]
    share, p = picked.count(2) / 4000, float(weights(c)[0, 2])
    assert set(picked) == {2, 3}
    assert share == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 4000))


@pytest.mark.parametrize("draw", [0.0, 1 - 2**-24])
def test_extreme_draws_pick_negatives(draw):
    for a, p, n in chosen("distance-weighted", 0.2, torch.full((5, 5), draw)):
        assert Y[a] == Y[p] != Y[n]
        assert a != p


def test_anchors_without_a_negative_that_is_near_enough_are_left_out():
    c = on_sphere(at(0, 10, 180), torch.tensor([0, 0, 1]))
    assert len(MINERS["distance-weighted"](c, 0.2, torch.zeros(3, 3))[0]) == 0
