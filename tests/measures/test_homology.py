import math

import numpy as np
import pytest

from allegory.measures import homology


def test_square_and_hexagon_by_hand():
    """A unit square: three pieces die at 1, a loop from 1 to the diagonal. A hexagon of side 1: the loop is filled at sqrt 3."""
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    pieces, loops = homology.bars(square)
    assert pieces.tolist() == [[0, 1]] * 3
    assert loops == pytest.approx(np.array([[1, math.sqrt(2)]]))
    angle = np.arange(6) * np.pi / 3
    pieces, loops = homology.bars(np.stack([np.cos(angle), np.sin(angle)], 1))
    assert len(pieces) == 5
    assert loops == pytest.approx(np.array([[1, math.sqrt(3)]]))


def test_two_squares_apart_and_a_line():
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    pieces, loops = homology.bars(np.concatenate([square, 2 * square + 10]))
    assert sorted(pieces[:, 1]) == pytest.approx([1, 1, 1, 2, 2, 2, math.sqrt(162)])
    assert loops == pytest.approx(np.array([[2, math.sqrt(8)], [1, math.sqrt(2)]]))
    pieces, loops = homology.bars(np.array([[0.0], [1], [3], [3]]))
    assert sorted(pieces[:, 1]) == [1, 2]  # the copy dies as it is born and leaves no bar
    assert len(loops) == 0


def cloud(name):
    rng = np.random.default_rng(0)
    t, s = rng.uniform(0, 2 * np.pi, (2, 48))
    noise = rng.normal(size=(48, 3))
    if name == "circle":
        return np.stack([np.cos(t), np.sin(t), 0 * t], 1) + 0.05 * noise
    if name == "two circles":
        return np.stack([np.cos(t) + 3 * (s > np.pi), np.sin(t), 0 * t], 1) + 0.02 * noise
    if name == "torus":
        i, j = (g.ravel() * 2 * np.pi for g in np.meshgrid(np.arange(12) / 12, np.arange(8) / 8))
        return np.stack([np.cos(i), np.sin(i), 0.8 * np.cos(j), 0.8 * np.sin(j)], 1)
    if name == "grid":
        return np.stack(np.meshgrid(np.arange(7.0), np.arange(7.0)), -1).reshape(-1, 2)
    if name == "disc":
        return np.stack([np.sqrt(s) * np.cos(t), np.sqrt(s) * np.sin(t)], 1)
    return noise


# ripser 0.6.15 on the same clouds: pieces, the sum of their deaths, loops, the sums of their births and of their deaths, the three longest
PEER = {
    "circle": (47, 7.69457, 3, 0.74430, 2.00844, [[0.45926, 1.69601], [0.14206, 0.1651], [0.14298, 0.14734]]),
    "two circles": (47, 11.85430, 2, 1.83283, 3.49258, [[0.75966, 1.75142], [1.07317, 1.74116]]),
    "torus": (95, 49.83821, 97, 58.63522, 79.37944, [[0.51764, 1.73205], [0.61229, 1.47821], [0.51764, 0.80178]]),
    "grid": (48, 48.0, 36, 36.0, 50.91169, [[1.0, 1.41421], [1.0, 1.41421], [1.0, 1.41421]]),
    "disc": (47, 22.55635, 8, 7.44005, 9.00666, [[0.99695, 1.39624], [0.75123, 1.11313], [0.79889, 1.07241]]),
    "noise": (47, 36.90773, 14, 15.50861, 17.34822, [[1.00182, 1.33155], [1.80069, 2.06841], [1.18591, 1.38988]]),
}


@pytest.mark.parametrize("name", PEER)
def test_bars_are_those_of_ripser(name):
    pieces, loops = homology.bars(cloud(name))
    assert (len(pieces), len(loops)) == (PEER[name][0], PEER[name][2])
    assert (pieces[:, 1].sum(), *loops.sum(0)) == pytest.approx((PEER[name][1], *PEER[name][3:5]), abs=2e-5)
    assert loops[:3] == pytest.approx(np.array(PEER[name][5]), abs=2e-5)


def test_bars_do_not_depend_on_the_order_of_items():
    z = cloud("torus")  # full of equal distances
    _, loops = homology.bars(z)
    _, again = homology.bars(z[np.random.default_rng(1).permutation(len(z))])
    assert np.sort(loops, axis=0) == pytest.approx(np.sort(again, axis=0))


def test_landmarks_are_far_apart():
    line = np.arange(11.0)[:, None]
    assert homology.landmarks(line, 3).tolist() == [0, 10, 5]
    assert homology.landmarks(np.repeat(line[:3], 4, 0), 8).tolist() == [0, 8, 4]  # only three different items
    z = np.random.default_rng(2).normal(size=(500, 3)) + 50
    chosen = homology.landmarks(z, 60)
    distances = np.linalg.norm(z[:, None] - z[chosen], axis=2)
    between = np.linalg.norm(z[chosen][:, None] - z[chosen], axis=2) + 1e9 * np.eye(60)
    assert distances.min(1).max() <= between.min() + 1e-9  # every item is nearer to a landmark than any two of these


def test_too_few_items_have_no_bars():
    for n in (0, 1):
        pieces, loops = homology.bars(np.zeros((n, 2)))
        assert len(pieces) == len(loops) == 0
    assert len(homology.bars(np.zeros((5, 2)))[0]) == 0
