import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.decomposition import PCA

from allegory.measures import densities


def test_histograms_by_hand():
    """Column 0 saw 0, 0, 2 of three levels: (2 + 1, 0 + 1, 1 + 1) / 6; column 1 saw 1, 1, 1: (1, 4, 1) / 6."""
    train = torch.tensor([[0, 1], [0, 1], [2, 1]])
    got = densities.apart_levels(train, torch.tensor([[0, 1], [1, 2]]), 3)
    assert got.tolist() == pytest.approx([math.log(3 / 6 * 4 / 6), math.log(1 / 6 * 1 / 6)])


def test_histograms_are_a_distribution():
    train = torch.as_tensor(np.random.default_rng(0).integers(0, 3, (7, 2)))
    every = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    assert float(densities.apart_levels(train, every, 3).exp().sum()) == pytest.approx(1.0)


def test_gaussians_by_hand():
    """Column 0: mean 1, variance 1; column 1: mean 0, variance 4. At (1, 2): -log 2pi - log 2 - 1/2."""
    train = torch.tensor([[0.0, 2.0], [2.0, -2.0]], dtype=torch.float64)
    got = densities.apart_gaussian(train, torch.tensor([[1.0, 2.0]], dtype=torch.float64))
    assert got.tolist() == pytest.approx([-math.log(2 * math.pi) - math.log(2) - 0.5])


@pytest.mark.parametrize("q", [0, 1, 3])
def test_probabilistic_pca_is_its_gaussian(q):
    rng = np.random.default_rng(0)
    train, test = (torch.as_tensor(rng.normal(size=(n, 4)) @ rng.normal(size=(4, 4)) + 3) for n in (60, 5))
    size, axes = torch.linalg.eigh((train - train.mean(0)).T @ (train - train.mean(0)) / 60)
    size, axes = size.flip(0), axes.flip(1)
    size[q:] = size[q:].mean()
    expected = stats.multivariate_normal(train.mean(0).numpy(), (axes * size @ axes.T).numpy()).logpdf(test.numpy())
    assert densities.probabilistic_pca(train, test, q).numpy() == pytest.approx(expected, rel=1e-9)


def test_probabilistic_pca_beside_scikit_learn():
    """It divides by t - 1 in place of t, so with many items the difference is small."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(5000, 6)) @ rng.normal(size=(6, 6))
    theirs = PCA(2).fit(x).score_samples(x[:50])
    assert densities.probabilistic_pca(torch.as_tensor(x), torch.as_tensor(x[:50]), 2).numpy() == pytest.approx(theirs, abs=0.01)


def test_dequantised_densities_bound_the_probability_of_levels():
    """A fair coin with levels -1 and 1 (step 2): the best density is uniform on [-2, 2], log 1/4 + log 2 = log 1/2."""
    x = torch.tensor([[-1.0], [1.0]] * 500, dtype=torch.float64)
    moved = densities.dequantised(x, 2.0, np.random.default_rng(0))
    assert float(moved.min()) > -2.0 and float(moved.max()) < 2.0 and float((moved - x).abs().max()) > 0.9
    bound = float(densities.apart_gaussian(moved, moved).mean()) + densities.cell(1, 2.0)
    assert -0.95 < bound < math.log(0.5)  # a Gaussian in place of the uniform density: a lower bound
    assert densities.bits_per_dimension(math.log(0.5), 1) == pytest.approx(1.0)


def test_constant_columns_and_few_items():
    train = torch.tensor([[1.0, 0.0, 5.0], [3.0, 0.0, 5.0]], dtype=torch.float64)
    for got in (densities.apart_gaussian(train, train), densities.probabilistic_pca(train, train, 9)):
        assert torch.isfinite(got).all()
