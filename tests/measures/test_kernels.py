"""Kernels by hand, and what the Gram matrix of one that is none says."""

import numpy as np
import pytest
import torch
from sklearn.metrics import pairwise

from allegory.core import Misuse
from allegory.measures import kernels

X, Y = (torch.as_tensor(np.random.default_rng(i).normal(size=(6, 3)) + 1e3) for i in range(2))


def test_they_are_scikit_learns():
    pairs = {
        "linear": pairwise.linear_kernel(X, Y), "rbf": pairwise.rbf_kernel(X, Y, gamma=0.2),
        "polynomial": pairwise.polynomial_kernel(X, Y, degree=2, gamma=0.2, coef0=3.0), 
        "laplace": pairwise.laplacian_kernel(X, Y, gamma=0.2),
    }  # fmt: skip
    for name, wanted in pairs.items():
        np.testing.assert_allclose(kernels.kernel_of(name, 3, 0.2, 2, 3.0)(X, Y).numpy(), wanted, rtol=1e-7)


def test_by_hand():
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 1.0]])
    assert float(kernels.Linear()(a, b)) == 5.0
    assert float(kernels.Polynomial(0.5, 2, 1.0)(a, b)) == 12.25
    assert float(kernels.RBF(0.1)(a, b)) == pytest.approx(np.exp(-0.5))
    assert float(kernels.Laplace(0.1)(a, b)) == pytest.approx(np.exp(-0.3))
    assert float(kernels.MinusHalfSquared(kernels.euclidean)(a, b)) == pytest.approx(-2.5)
    assert isinstance(kernels.kernel_of("rbf", 4), kernels.RBF) and kernels.kernel_of("rbf", 4).gamma == 0.25


def test_mercer_by_hand():
    """(0, 1; 1, 0) has eigenvalues 1 and -1: half of the whole is negative."""
    told = kernels.mercer(torch.tensor([[0.0, 1.0], [1.0, 0.0]]).double())
    assert not told.holds and told.negative == pytest.approx(0.5)
    assert str(told) == "not positive semi-definite: eigenvalues from -1 to 1, 50.0% of it negative"
    flat = kernels.mercer(torch.ones(3, 3).double())  # semi-definite, as the linear kernel is: no strictness
    assert flat.holds and flat.largest == pytest.approx(3.0) and "positive semi-definite" in str(flat)
    with pytest.raises(Misuse, match="symmetric"):
        kernels.mercer(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))


def test_distances_may_be_kernels_only_after_centring():
    d = kernels.MinusHalfSquared(kernels.euclidean)(X, X)
    assert not kernels.mercer(d).holds
    J = torch.eye(6).double() - 1 / 6
    assert kernels.mercer(J @ d @ J).holds
    with pytest.raises(Misuse, match="unknown kernel 'cosine'"):
        kernels.kernel_of("cosine", 3)
