"""Probabilistic PCA of rows with holes: by hand, and beside the Gaussian that the data are drawn from."""

import numpy as np
import pytest
import torch

from allegory.measures.imputation import LinearGaussian

RANDOM = np.random.default_rng(0)


def drawn(n: int, d: int = 6, q: int = 2, missing: float = 0.3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows of N(mean, W W^T + .1), the same with holes, and what they are drawn from."""
    W, mean = RANDOM.normal(size=(d, q)), RANDOM.normal(size=d)
    x = mean + RANDOM.normal(size=(n, q)) @ W.T + np.sqrt(0.1) * RANDOM.normal(size=(n, d))
    holes = np.where(RANDOM.random(x.shape) < missing, np.nan, x)
    return torch.as_tensor(x), torch.as_tensor(holes), torch.as_tensor(mean), torch.as_tensor(W @ W.T + 0.1 * np.eye(d))


def conditional(x: torch.Tensor, known: torch.Tensor, mean: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    """mu_u + C_uk C_kk^-1 (x_k - mu_k), row by row."""
    out = x.clone()
    for i, k in enumerate(known):
        given = torch.linalg.solve(covariance[k][:, k], x[i, k] - mean[k])
        out[i, ~k] = mean[~k] + covariance[~k][:, k] @ given
    return out


def test_a_guess_by_hand():
    """W = (2, 1), v = 1, mu = (1, 0): given x_1 = 6, z is 2 (6 - 1) / (4 + 1) = 2, so x_2 is 2; given x_2 = 4 again 2, so x_1 is 5."""
    model = LinearGaussian(torch.tensor([1.0, 0.0]), torch.tensor([[2.0], [1.0]]), 1.0)
    known = torch.tensor([[True, False], [False, True], [False, False]])
    guess = model.guess(torch.tensor([[6.0, torch.nan], [torch.nan, 4.0], [9.0, 9.0]]), known)
    torch.testing.assert_close(guess, torch.tensor([[6.0, 2.0], [5.0, 4.0], [1.0, 0.0]]))


def test_a_guess_is_the_conditional_mean_of_the_gaussian():
    x, holes, *_ = drawn(50)
    model = LinearGaussian.fit(x, 2)
    covariance = model.W @ model.W.T + model.noise * torch.eye(6, dtype=x.dtype)
    known = ~holes.isnan()
    torch.testing.assert_close(model.guess(holes, known), conditional(x, known, model.mean, covariance))


def test_rounds_reach_the_closed_form_where_nothing_is_missing():
    from allegory.measures.imputation import _by_rounds

    x, *_ = drawn(400)
    whole = LinearGaussian.fit(x, 2)
    start = LinearGaussian(torch.zeros(6, dtype=x.dtype), torch.eye(6, 2, dtype=x.dtype), 1.0)
    slow = _by_rounds(x, ~x.isnan(), start, 400)
    torch.testing.assert_close(slow.W @ slow.W.T, whole.W @ whole.W.T, atol=1e-3, rtol=1e-3)
    assert slow.noise == pytest.approx(whole.noise, rel=1e-3)
    torch.testing.assert_close(slow.mean, whole.mean, atol=1e-3, rtol=0)


def test_holes_in_training_cost_little():
    x, holes, mean, covariance = drawn(2000)
    model = LinearGaussian.fit(holes, 2)
    found = model.W @ model.W.T + model.noise * torch.eye(6, dtype=x.dtype)
    assert (found - covariance).abs().max() < 0.15 * covariance.abs().max()  # 1,400 known rows a number: a few percent each
    test, few, *_ = x[:300], holes[:300]
    known = ~few.isnan()
    errors = [((guess - test)[~known] ** 2).mean() for guess in (model.guess(few, known), conditional(test, known, mean, covariance))]
    assert errors[0] < 1.05 * errors[1] < 0.5 * ((test - mean)[~known] ** 2).mean()


def test_a_number_that_is_never_known_says_nothing():
    _, holes, *_ = drawn(60)
    holes[:, 2] = torch.nan
    model = LinearGaussian.fit(holes, 2)
    guess = model.guess(holes, ~holes.isnan())
    assert guess.isfinite().all() and (guess[:, 2] == 0).all()
