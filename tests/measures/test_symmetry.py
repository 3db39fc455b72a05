import math

import numpy as np
import pytest

from allegory.measures import symmetry


def moments_of(z, values, most=4000):
    rng = np.random.default_rng(0)
    pairs = [symmetry.pairs_of(values, k, most, rng) for k in range(values.shape[1])]
    return np.stack([symmetry.second_moment(z[p.b] - z[p.a]) for p in pairs])


VALUES = np.stack(np.meshgrid(np.arange(4), np.arange(5), np.arange(6), indexing="ij"), -1).reshape(-1, 3)
TRUTH = VALUES / VALUES.std(0)


def test_scores_by_hand():
    """Two factors that move (1, 0) and (1, 1): cosine of the moments ((1,0),(0,0)) and ((.5,.5),(.5,.5)) = .5.

    The two directions are independent, so it is a direct sum. With the moments diag(1, 0) and diag(.5, .5), whitened by
    diag(1.5, .5): diag(2/3, 0) and diag(1/3, 1). Shares (4/9) / (2/3) = 2/3 and (10/9) / (4/3) = 5/6, rescaled 1/3 and 2/3.
    """
    oblique = np.array([[[1, 0], [0, 0]], [[0.5, 0.5], [0.5, 0.5]]])
    assert symmetry.orthogonality(oblique) == pytest.approx(0.5)
    assert symmetry.own_share(oblique) == pytest.approx([1.0, 1.0])
    mixed = np.array([[[1, 0], [0, 0]], [[0.5, 0], [0, 0.5]]])
    assert symmetry.own_share(mixed) == pytest.approx([1 / 3, 2 / 3])
    assert symmetry.orthogonality(mixed) == pytest.approx(1 - 0.5 / math.sqrt(0.5))
    assert symmetry.dimensions(mixed) == pytest.approx([1, 2])


def test_pairs_differ_in_one_factor_alone():
    pairs = symmetry.pairs_of(VALUES, 1, 500, np.random.default_rng(0))
    assert len(pairs.a) == 500
    a, b = VALUES[pairs.a], VALUES[pairs.b]
    assert (a[:, [0, 2]] == b[:, [0, 2]]).all()
    assert (a[:, 1] != b[:, 1]).all()
    alone = symmetry.pairs_of(np.array([[0, 0], [1, 1], [2, 2]]), 0, 10, np.random.default_rng(0))
    assert len(alone.a) == 0
    assert symmetry.second_moment(np.zeros((0, 3))).sum() == 0


def test_truth_its_rotation_and_its_shear():
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for z in (TRUTH, TRUTH @ turn):
        moments = moments_of(z, VALUES)
        assert symmetry.own_share(moments).mean() == pytest.approx(1.0)
        assert symmetry.orthogonality(moments) == pytest.approx(1.0)
    sheared = moments_of(TRUTH @ np.array([[1.0, 0.6, 0], [0, 1, 0.6], [0, 0, 1]]), VALUES)
    assert symmetry.own_share(sheared).mean() == pytest.approx(1.0)
    assert symmetry.orthogonality(sheared) < 0.9


def test_a_factor_may_move_a_plane():
    angle = VALUES[:, 2] * np.pi / 3
    z = np.concatenate([TRUTH[:, :2], np.stack([np.cos(angle), np.sin(angle)], 1)], 1)
    moments = moments_of(z, VALUES)
    assert symmetry.own_share(moments).mean() == pytest.approx(1.0, abs=1e-6)
    assert symmetry.dimensions(moments) == pytest.approx([1, 1, 2], abs=0.05)


def test_noise_and_one_shared_direction_score_nothing():
    rng = np.random.default_rng(2)
    noise = moments_of(rng.normal(size=(len(VALUES), 6)), VALUES)
    assert symmetry.own_share(noise).mean() < 0.05
    assert symmetry.orthogonality(noise) < 0.1
    shared = moments_of(TRUTH.sum(1, keepdims=True), VALUES)
    assert symmetry.own_share(shared).mean() == pytest.approx(0.0, abs=1e-9)
    assert symmetry.orthogonality(shared) == pytest.approx(0.0, abs=1e-9)


def test_what_does_not_move_earns_nothing():
    z = TRUTH * [1, 1, 0]
    moments = moments_of(z, VALUES)
    assert symmetry.own_share(moments) == pytest.approx([1, 1, 0])
    assert np.isnan(symmetry.overlaps(moments)[0, 2])
    assert np.isnan(symmetry.own_share(moments_of(np.ones((120, 2)), VALUES))).all()
    assert math.isnan(symmetry.orthogonality(moments_of(np.ones((120, 2)), VALUES)))
