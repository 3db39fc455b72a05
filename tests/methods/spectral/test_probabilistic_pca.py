"""Probabilistic PCA: its density by hand, by quadrature and beside scikit-learn's; posterior, draws and completion by Gaussian algebra."""

import numpy as np
import pytest
import torch
from helpers.solved import solved
from sklearn import decomposition

from allegory.core import Array, Dice
from allegory.methods.spectral.probabilistic_pca import ProbabilisticPCA

DICE = Dice.roll(0, 0, torch.arange(0))


def fitted(x, latent):
    method = ProbabilisticPCA(latent=latent)
    return method, solved(method, x)


def stretched(n=80, d=6):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def covariance(net):
    W = net.W_scaled
    return W.T @ W + net.noise * torch.eye(net.m.numel()).double()


def test_by_hand():
    """Variances 4 and 1 along the axes: W = (sqrt 3, 0), sigma^2 = 1. At (2, 1) from the mean, the log density is
    -log 2 pi - log(4)/2 - (4/4 + 1/1)/2, the posterior's mean sqrt 3 * 2 / 4 and its variance 1/4."""
    x = np.array([[3.0, 6.0], [3.0, 8.0], [7.0, 6.0], [7.0, 8.0]])
    method, net = fitted(x, 1)
    assert float(net.noise) == pytest.approx(1.0) and net.variances.tolist() == pytest.approx([4.0])
    at = torch.tensor([[7.0, 8.0]]).double()
    density = method.log_density(net, at, DICE)
    assert density.kind == "exact"
    assert density.values.item() == pytest.approx(-np.log(2 * np.pi) - np.log(4) / 2 - 1.0)
    assert method.encode(net, at).item() == pytest.approx(3**0.5 / 2)
    codes = method.codes(net, at)
    assert codes["log_variance"].values.item() == pytest.approx(np.log(0.25))
    assert codes["kl"].values.item() == pytest.approx((0.75 + 0.25 - 1 - np.log(0.25)) / 2)
    assert method.decode(net, method.encode(net, at))[0].tolist() == pytest.approx([5 + 3**0.5 * 3**0.5 / 2, 7.0])


@pytest.mark.parametrize("q", [1, 3, 5])
def test_the_log_density_is_scikit_learns(q):
    """Whose variances are over n - 1; put over n, as the likelihood has them, both say the same."""
    x = stretched()
    method, net = fitted(x, q)
    peer = decomposition.PCA(q, svd_solver="full").fit(x)
    peer.explained_variance_ *= (len(x) - 1) / len(x)
    peer.noise_variance_ *= (len(x) - 1) / len(x)
    own = method.log_density(net, torch.as_tensor(x), DICE).values
    np.testing.assert_allclose(own.numpy(), peer.score_samples(x), rtol=0, atol=1e-6)
    np.testing.assert_allclose(covariance(net).numpy(), peer.get_covariance(), rtol=0, atol=1e-9)


def test_the_density_integrates_to_one():
    method, net = fitted(np.random.default_rng(0).normal(size=(80, 2)) @ [[2.0, 0.0], [1.0, 1.0]], 1)
    reach = 9 * covariance(net).diagonal().sqrt()
    grid = [torch.linspace(-1, 1, 801, dtype=torch.float64) * r + m for r, m in zip(reach, net.m, strict=True)]
    x = torch.cartesian_prod(*grid)
    cell = float(np.prod([float(g[1] - g[0]) for g in grid]))
    assert float(method.log_density(net, x, DICE).values.exp().sum() * cell) == pytest.approx(1.0, abs=1e-9)


def test_no_other_noise_or_scale_is_likelier():
    x = torch.as_tensor(stretched())
    method, net = fitted(x, 2)
    best = float(method.log_density(net, x, DICE).values.mean())
    for name in ("noise", "variances"):
        for factor in (0.9, 1.1):
            getattr(net, name).mul_(factor)
            assert float(method.log_density(net, x, DICE).values.mean()) < best - 1e-4
            getattr(net, name).div_(factor)


def test_posterior_and_completion_are_those_of_the_joint_gaussian():
    """Conditioning (z, x), and (unknown, known), by the covariances alone."""
    x = torch.as_tensor(stretched())
    method, net = fitted(x, 3)
    C, W, moved = covariance(net), net.W_scaled, x - net.m
    torch.testing.assert_close(method.encode(net, x), moved @ torch.linalg.solve(C, W.T))
    known = torch.tensor([True, False, True, True, False, True])
    guess = net.m[~known] + moved[:, known] @ torch.linalg.solve(C[known][:, known], C[known][:, ~known])
    filled = method.complete(net, torch.where(known, x, 99.0), known.expand_as(x), DICE)
    torch.testing.assert_close(filled[:, ~known], guess)
    assert torch.equal(filled[:, known], x[:, known])


def test_draws_have_its_mean_and_covariance():
    method, net = fitted(stretched(), 2)
    x = method.sample(net, 40_000, DICE)
    C = covariance(net)
    scale = C.diagonal().sqrt()
    # a mean of 40,000 has a standard error of .005 deviations, a covariance at most .007
    assert float(((x.mean(0) - net.m) / scale).abs().max()) < 0.02
    assert float(((torch.cov(x.T) - C) / scale / scale[:, None]).abs().max()) < 0.03
    assert float(((torch.cov(x.T) - (C - net.noise * torch.eye(6).double())) / scale / scale[:, None]).abs().max()) > 0.05


@pytest.mark.parametrize("x", [np.ones((6, 3)), np.arange(6.0)[:, None] * np.ones(4), np.arange(6.0)[:, None]])
def test_data_that_fill_fewer_directions_than_there_are_latents_have_a_finite_density(x):
    method, net = fitted(x, 3)
    assert bool(method.log_density(net, torch.as_tensor(x), DICE).values.isfinite().all())
    assert bool(method.encode(net, torch.as_tensor(x)).isfinite().all())


def test_latents_are_fewer_than_items_and_dimensions():
    assert len(ProbabilisticPCA(latent=9).build(Array((6,)), 100).W) == 5
    assert len(ProbabilisticPCA(latent=9).build(Array((60,)), 5).W) == 4


def test_numbers_whose_squares_are_too_small_for_single_precision():
    x = torch.as_tensor(1e-30 * np.random.default_rng(0).normal(size=(40, 3)), dtype=torch.float32)
    method = ProbabilisticPCA(latent=2)
    assert method.encode(solved(method, x), x).isfinite().all()
