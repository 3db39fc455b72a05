"""Angles between subspaces, joint diagonalisation, and factors, by hand and with planted answers."""

import math

import numpy as np
import pytest
import torch

from allegory.measures import factoring, subspaces


def rows(*vectors):
    return torch.tensor([vectors], dtype=torch.float64)


def turned(n, k, seed=0):
    return torch.linalg.qr(torch.as_tensor(np.random.default_rng(seed).normal(size=(n, k, k)))).Q


def test_angles_by_hand():
    """Two planes of R^3 that share a line and are 0.3 rad apart: the largest angle is .3, whichever bases they have."""
    flat, tilted = rows([1, 0, 0], [0, 1, 0]), rows([1, 0, 0], [0, math.cos(0.3), math.sin(0.3)])
    assert subspaces.largest_angle(flat, turned(1, 2) @ tilted).item() == pytest.approx(0.3)
    assert subspaces.largest_angle(flat, rows([1, 0, 0])).item() == pytest.approx(math.pi / 2)
    near = rows([1, 0, 0], [0, math.cos(1e-9), math.sin(1e-9)])
    assert subspaces.largest_angle(flat, near).item() == pytest.approx(1e-9, rel=1e-5)  # the arc cosine of the cosine would say 0


def test_the_error_is_that_of_the_best_matching_and_the_mean_of_its_angles():
    x, y = rows([1, 0, 0]), rows([0, 1, 0])
    off = rows([math.cos(0.4), 0, math.sin(0.4)])
    assert subspaces.angular_error([y, off], [x, y]).item() == pytest.approx(0.2)
    assert subspaces.angular_error([x], [x, y]).item() == pytest.approx(math.pi / 2)
    assert subspaces.angular_error([torch.cat([x, y], 1), off], [x, y]).item() == pytest.approx((math.pi / 2 + 0.4) / 2)


@pytest.mark.parametrize("e", [1, 2, 4])
def test_matrices_that_can_be_diagonal_together_become_so(e):
    V = turned(20, 4)
    diagonal = torch.diag_embed(torch.as_tensor(np.random.default_rng(2).normal(size=(20, e, 4))))
    M = V.mT[:, None] @ diagonal @ V[:, None]
    found = subspaces.diagonaliser(M)
    after = found[:, None] @ M @ found.mT[:, None]
    assert (after - torch.diag_embed(after.diagonal(dim1=2, dim2=3))).abs().max() < 1e-8
    assert torch.allclose(found @ found.mT, torch.eye(4, dtype=found.dtype).expand(20, -1, -1))


def test_where_the_diagonals_are_equal_the_turn_is_of_half_a_right_angle():
    """Not turning leaves the error at its largest there, where its slope is 0 too."""
    M = torch.tensor([[[[1.0, 1.0], [1.0, 1.0]], [[2.0, -1.0], [-1.0, 2.0]]]], dtype=torch.float64)
    after = (V := subspaces.diagonaliser(M))[:, None] @ M @ V.mT[:, None]
    assert after[0, :, 0, 1].tolist() == pytest.approx([0.0, 0.0], abs=1e-12)
    assert sorted(after[0, 0].diagonal().tolist()) == pytest.approx([0.0, 2.0], abs=1e-12)


def test_what_cannot_be_diagonal_is_made_as_diagonal_as_can_be():
    """For 2 x 2 matrices all turns can be tried."""
    M = torch.as_tensor(np.random.default_rng(3).normal(size=(1, 3, 2, 2)))
    M = M + M.mT
    off = lambda V: float((V[:, None] @ M @ V.mT[:, None])[:, :, 0, 1].square().sum())
    angles = np.linspace(0, math.pi, 2001)
    least = min(off(torch.tensor([[[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]], dtype=torch.float64)) for a in angles)
    assert off(subspaces.diagonaliser(M)) == pytest.approx(least, abs=1e-4)


@pytest.mark.parametrize("dimensions", [(2, 2), (1, 3), (2, 2, 2), (1, 2, 3)])
def test_planted_factors_are_found_with_their_dimensions_and_one_number_everywhere(dimensions):
    """Fields that are a number on each subspace, of trace 0, orthonormal, in a basis of its own at every item, with noise."""
    k, m, n = sum(dimensions), len(dimensions), 60
    whose = torch.arange(m).repeat_interleave(torch.tensor(dimensions))
    numbers = torch.linalg.qr(
        torch.cat([torch.ones(m, 1), torch.eye(m)[:, 1:]], 1).double() * torch.tensor(dimensions).double().sqrt()[:, None]
    ).Q
    values = numbers[:, 1:] / torch.tensor(dimensions).double().sqrt()[:, None]  # (m, e)
    V = turned(n, k)
    M = V.mT[:, None] @ torch.diag_embed(values[whose].T).expand(n, -1, -1, -1) @ V[:, None]
    noise = 0.02 * torch.as_tensor(np.random.default_rng(5).normal(size=M.shape))
    found = factoring.factored(M + noise + noise.mT)
    assert found.count == m and sorted(torch.bincount(found.factor).tolist()) == sorted(dimensions)
    truth = [V[:, whose == f] for f in range(m)]
    own = [found.axes[:, found.factor == f] for f in range(m)]
    assert subspaces.angular_error(own, truth).max() < 0.25
    # one number everywhere: a factor found is the same true one at all items
    nearest = torch.stack([torch.stack([subspaces.largest_angle(o, t) for t in truth]).argmin(0) for o in own])
    assert (nearest == nearest[:, :1]).all()


def test_without_fields_there_is_one_factor():
    found = factoring.factored(torch.zeros(5, 0, 3, 3, dtype=torch.float64))
    assert found.count == 1 and found.factor.tolist() == [0, 0, 0]
