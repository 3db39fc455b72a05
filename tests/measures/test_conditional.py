import numpy as np
import pytest

from allegory.measures import conditional


def test_a_linear_relation_is_learned():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 2)) * (1.0, 100.0)
    y = x @ np.array([[2.0], [0.01]]) + 5.0
    psi = conditional.conditional_mean(x, y, rng, features=20)
    assert np.abs(psi(x) - y).max() < 0.02


def test_a_curved_relation_is_learned_to_its_noise():
    """E[X2|X1] = sin(3 x): the mean squared error to it is far below the noise's 0.25."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (4000, 1))
    psi = conditional.conditional_mean(x, np.sin(3 * x) + 0.5 * rng.standard_normal(x.shape), rng, features=200)
    assert np.square(psi(x) - np.sin(3 * x)).mean() < 0.01


def test_ridge_is_least_squares_where_it_may_be():
    """y = 1 + 2 a - b exactly: the smallest strength wins, and the fit is that line."""
    rng = np.random.default_rng(0)
    phi = rng.standard_normal((50, 2))
    found = conditional.ridge(phi, (1 + phi @ [2.0, -1.0])[:, None])
    assert found.weight[:, 0] == pytest.approx([2.0, -1.0], rel=1e-4)
    assert found(np.zeros((1, 2))).item() == pytest.approx(1.0, rel=1e-4)


def test_ridge_shrinks_what_is_noise():
    rng = np.random.default_rng(0)
    found = conditional.ridge(rng.standard_normal((60, 40)), rng.standard_normal((60, 1)))
    assert np.square(found.weight).sum() < 0.5


def test_the_readout_of_an_exact_expectation_is_the_posterior():
    """Three classes, A (3, 3) of full rank: P = psi pinv(A)^T, no constant needed."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 200)
    A = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0], [3.0, 0.0, 1.0]])
    psi = p @ A.T
    weights = conditional.readout(psi, p, constant=False)
    assert weights == pytest.approx(np.linalg.inv(A).T, abs=1e-9)
    assert conditional.read(psi, weights) == pytest.approx(p, abs=1e-9)


def test_full_rank_is_not_enough_it_must_be_full_column_rank():
    """Three classes and X2 in R^2: A has full row rank, yet posteriors are lost; a constant gives back the one that is missing."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(0.3 * np.ones(3), 500)
    psi = p @ np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]).T
    without = conditional.read(psi, conditional.readout(psi, p, constant=False))
    assert np.abs(without - p).max() > 0.3
    assert conditional.read(psi, conditional.readout(psi, p)) == pytest.approx(p, abs=1e-8)


def test_within_takes_the_class_means_off():
    x = np.array([[1.0], [3.0], [10.0], [20.0], [7.0]])
    left = conditional.within(x, np.array([0, 0, 1, 1, 2]), np.array([0, 1, 2]))
    assert left[:, 0] == pytest.approx([-1.0, 1.0, 0.0, 10.0, 7.0 - 14 / 3])  # class 2 has no row: the mean of those there are


def share(x1, x2, y):
    n = len(y)
    sums = conditional.residual_dependence(x1, x2, y, np.arange(n // 2), np.arange(n // 2, n), np.random.default_rng(1), 100)
    missed, all_ = sums.sum(0)
    return 1 - missed / all_


def test_halves_that_share_only_the_class_are_independent_within_it():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 3000)
    x1, x2 = (np.eye(3)[y] * 4 + rng.standard_normal((3000, 3)) for _ in range(2))
    assert abs(share(x1, x2, y)) < 0.02
    assert share(x1, x2, np.zeros(3000, dtype=int)) > 0.5  # without the class it is all that they share


def test_what_is_shared_beside_the_class_is_found():
    """X2 = n + noise, both of variance 1, where n is a number of X1: half of the variance within classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 4000)
    n = rng.standard_normal((4000, 1))
    assert share(np.concatenate([n, y[:, None]], 1), 5 * y[:, None] + n + rng.standard_normal((4000, 1)), y) == pytest.approx(0.5, abs=0.04)
    curved = np.abs(n) * 3 + y[:, None]
    assert share(n, curved, y) > 0.9


def test_constant_columns_count_as_nothing():
    rng = np.random.default_rng(0)
    x1, y = np.ones((200, 2)), rng.integers(0, 2, 200)
    sums = conditional.residual_dependence(x1, np.ones((200, 3)), y, np.arange(100), np.arange(100, 200), rng, 10)
    assert np.isfinite(sums).all() and sums.sum() == 0
