import numpy as np
import pytest

from allegory.measures.mixtures import Mixture, ring

PAIR = Mixture(
    prior=np.array([0.25, 0.75]), label=np.array([0, 1]), centres=np.array([[-1.0], [1.0]]),
    A=np.array([[2.0, 0.0]]), U=np.array([[0.5]]), epsilon=2.0, sigma=0.5,
)  # fmt: skip


def test_the_posterior_by_hand():
    """At s = 0 both cells are as near: the prior. At s = 0.5 the odds are 3 exp(2 * 0.5) to 1. n has no say."""
    p = PAIR.cells_given_x1(np.array([[0.0, 9.0], [0.5, -9.0]]))
    assert p[0] == pytest.approx([0.25, 0.75])
    assert p[1, 1] / p[1, 0] == pytest.approx(3 * np.e)


def test_the_mean_of_x2_by_hand():
    """2 * 0.25 + 2 * 0.5 * n."""
    assert PAIR.mean_given_x1(np.array([[0.0, 3.0]])).item() == pytest.approx(0.5 + 3.0)


def test_the_posterior_given_both_by_hand():
    """s = 0, n = 1, X2 = 2: less the direct path 1 it is 1, half way between the columns 2 and 0: the prior again. At 2.5: 1.5 away from
    2 by 0.5 and from 0 by 1.5, sigma 0.5: odds 1/3 exp((2.25 - 0.25) / 0.5)."""
    x1 = np.array([[0.0, 1.0], [0.0, 1.0]])
    p = PAIR.cells_given_both(x1, np.array([[2.0], [2.5]]))
    assert p[0] == pytest.approx([0.25, 0.75])
    assert p[1, 0] / p[1, 1] == pytest.approx(np.exp(4.0) / 3)


def test_draws_have_these_expectations():
    """The average of X2 over draws whose X1 is alike is E[X2|X1], and that of the one-hot cell is the posterior."""
    x1, x2, cell = PAIR.draw(200_000, np.random.default_rng(0))
    near = np.abs(x1[:, 0] - 0.3) < 0.05
    left = x2[near] - PAIR.mean_given_x1(x1[near])
    assert abs(left.mean()) < 4 * left.std() / np.sqrt(near.sum())
    assert (cell[near] == 1).mean() == pytest.approx(PAIR.cells_given_x1(np.array([[0.3, 0.0]]))[0, 1], abs=0.015)


def test_dependence_is_what_is_left_when_the_class_is_known():
    """epsilon^2 |U|^2 = 4 * 0.25."""
    assert PAIR.dependence == pytest.approx(1.0)
    assert PAIR.but(epsilon=0.0).dependence == 0.0
    x1, _, _ = PAIR.draw(50_000, np.random.default_rng(0))
    gap = PAIR.mean_given_x1(x1) - PAIR.cells_given_x1(x1) @ PAIR.A.T
    assert np.square(gap).sum(1).mean() == pytest.approx(1.0, rel=0.03)


def test_classes_sum_over_the_hidden_part():
    process = ring()
    cells = np.array([[0.1, 0.2, 0.0, 0.4, 0.3, 0.0]])
    assert process.classes(cells)[0] == pytest.approx([0.5, 0.5, 0.0])


def test_the_ring():
    process = ring()
    assert np.linalg.matrix_rank(process.A) == 6 and np.abs(process.A.T @ process.A - 9 * np.eye(6)).max() < 1e-9
    assert process.centres[0] == pytest.approx(-process.centres[3]) and process.label[0] == process.label[3]
    assert ring(p=8).A.shape == (8, 6) and np.linalg.matrix_rank(ring(p=8).but(p=4).A) == 4
