"""PCA against scikit-learn's by each of its three solvers, and by hand."""

import numpy as np
import pytest
import torch
from helpers.solved import solved
from sklearn import decomposition

from allegory.core import Array, Misuse
from allegory.measures import principal
from allegory.methods.spectral.pca import PCA

Z = 3


def fitted(x, latent=Z, solver="auto"):
    method = PCA(latent=latent, solver=solver)
    return method, solved(method, x)


def stretched(n, d):
    """Numbers of known and different variances, off the origin, in no special position."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return rng.normal(size=(n, d)) * np.maximum(5 * 0.75 ** np.arange(d), 0.01) @ turn + rng.normal(size=d)


@pytest.mark.parametrize("solver", ["covariance", "gram", "randomised"])
@pytest.mark.parametrize(("n", "d"), [(40, 12), (10, 12), (300, 60), (60, 300)])
def test_it_is_scikit_learns(solver, n, d):
    x = stretched(n, d)
    method, net = fitted(x, solver=solver)
    peer = decomposition.PCA(Z, svd_solver="full").fit(x)
    sign = np.sign((net.W.numpy() * peer.components_).sum(1))
    close = {"rtol": 1e-6, "atol": 1e-6}  # the variances fall fast enough for the sketch to come as near as the others
    np.testing.assert_allclose(net.W.numpy(), sign[:, None] * peer.components_, **close)
    np.testing.assert_allclose(method.encode(net, torch.as_tensor(x)).numpy(), sign * peer.transform(x), **close)
    np.testing.assert_allclose(net.variances.numpy() * n / (n - 1), peer.explained_variance_, **close)
    np.testing.assert_allclose((net.variances / net.total).numpy(), peer.explained_variance_ratio_, **close)
    back = method.decode(net, method.encode(net, torch.as_tensor(x))).numpy()
    np.testing.assert_allclose(back, peer.inverse_transform(peer.transform(x)), **close)


def test_the_solver_follows_the_size(monkeypatch):
    monkeypatch.setattr(principal, "EXACT", 10)
    monkeypatch.setattr(principal, "HELD", 150)
    assert principal.chosen(40, 10) == "covariance"
    assert principal.chosen(10, 12) == "gram"
    assert principal.chosen(40, 12) == "randomised"  # neither the dimensions nor the items are few
    assert principal.chosen(10, 16) == "randomised"  # 160 numbers are more than are held


def test_by_hand():
    """Four points on a line of slope 1 and one off it: mean (1, 1); the first direction is (1, 1) / sqrt 2, its variance 2."""
    x = np.array([[0.0, 0.0], [2.0, 2.0], [-1.0, -1.0], [3.0, 3.0]])
    method, net = fitted(x, latent=1)
    assert net.m.tolist() == pytest.approx([1.0, 1.0])
    assert net.W[0].tolist() == pytest.approx([0.5**0.5, 0.5**0.5])
    assert net.variances.tolist() == pytest.approx([(2 + 2 + 8 + 8) / 4])  # squared distances from the mean, over n
    codes = method.encode(net, torch.as_tensor(x))[:, 0].tolist()
    assert codes == pytest.approx([-(2**0.5), 2**0.5, -(8**0.5), 8**0.5])
    spectrum = method.spectrum(net)
    assert spectrum.values.tolist() == pytest.approx([5.0]) and float(spectrum.total) == pytest.approx(5.0)


def test_the_error_is_what_is_left_of_the_variance():
    x = stretched(50, 6)
    method, net = fitted(x)
    back = method.decode(net, method.encode(net, torch.as_tensor(x)))
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    error = (torch.as_tensor(x) - back).square().sum(1).mean().item()
    assert error == pytest.approx(values[Z:].sum(), rel=1e-9)
    assert error == pytest.approx(float(net.total - net.variances.sum()), rel=1e-9)


@pytest.mark.parametrize("solver", ["covariance", "gram", "randomised"])
def test_a_large_mean_costs_no_digits(solver):
    """A mean 1e7 times the smallest deviation: squares around 0 would have lost it (1e14 of 1e16)."""
    x = stretched(200, 6)
    variances = fitted(x, solver=solver)[1].variances
    torch.testing.assert_close(fitted(x + 1e6, solver=solver)[1].variances, variances, rtol=1e-7, atol=0)


def test_components_are_orthonormal_and_their_largest_entry_is_positive():
    _, net = fitted(stretched(50, 6))
    torch.testing.assert_close(net.W @ net.W.T, torch.eye(Z).double())
    assert all(row[row.abs().argmax()] > 0 for row in net.W)


@pytest.mark.parametrize("x", [np.ones((6, 3)), np.repeat(np.arange(2.0), 3)[:, None] * np.ones(4)], ids=["constant", "duplicates"])
@pytest.mark.parametrize("solver", ["covariance", "gram", "randomised"])
def test_nothing_varies_in_most_directions(x, solver):
    method, net = fitted(x, solver=solver)
    assert bool(net.variances.ge(0).all()) and float(net.total) == pytest.approx(x.var(0).sum(), abs=1e-12)
    torch.testing.assert_close(method.decode(net, method.encode(net, torch.as_tensor(x))), torch.as_tensor(x))


def test_the_code_is_no_larger_than_the_data_allow_and_no_smaller_than_one():
    assert len(PCA(latent=32).build(Array((6,)), 100).W) == 6
    assert len(PCA(latent=32).build(Array((60,)), 10).W) == 10
    with pytest.raises(Misuse, match="latent: expected a size of 1 or more, got 0"):
        PCA(latent=0).build(Array((6,)), 100)
    with pytest.raises(Misuse, match="solver: expected one of auto, covariance, gram, randomised, got 'full'"):
        unknown = PCA()
        object.__setattr__(unknown, "solver", "full")  # past the type checker of the tests
        unknown.build(Array((6,)), 100)


def test_pictures_come_back_as_pictures():
    x = stretched(20, 12).reshape(20, 3, 2, 2)
    method, net = fitted(x)
    assert method.decode(net, method.encode(net, torch.as_tensor(x))).shape == (20, 3, 2, 2)
