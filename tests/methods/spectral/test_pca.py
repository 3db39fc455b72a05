"""PCA against scikit-learn's by each of its three solvers, and by hand."""

import numpy as np
import pytest
import torch
from helpers.observations import Observations
from sklearn import decomposition

from allegory.core import Array, Dice
from allegory.methods.spectral import pca
from allegory.methods.spectral.pca import PCA

Z = 3


def fitted(x, latent=Z):
    method, items = PCA(latent=latent), Observations(x)
    net = method.build(items.spec, len(items)).double()
    method.prepare(net, items, Dice.roll(0, 0, torch.arange(0)))
    return method, net


def stretched(n, d):
    """Numbers of known and different variances, off the origin, in no special position."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return rng.normal(size=(n, d)) * np.geomspace(5, 0.2, d) @ turn + rng.normal(size=d)


SOLVERS = {"covariance": (40, 12, 12), "gram": (10, 12, 11), "sketch": (40, 12, 5)}  # items, dimensions, largest exact size
# the sketch works in float32; the others in float64
TOLERANCE = {"covariance": 1e-6, "gram": 1e-6, "sketch": 1e-5}


@pytest.mark.parametrize("name", SOLVERS)
def test_it_is_scikit_learns(name, monkeypatch):
    n, d, exact = SOLVERS[name]
    monkeypatch.setattr(pca, "EXACT", exact)
    used = []
    for solver in ("covariance", "gram", "sketch"):
        solve = getattr(pca, f"_by_{solver}")
        monkeypatch.setattr(pca, f"_by_{solver}", lambda *a, solve=solve, solver=solver: used.append(solver) or solve(*a))
    x = stretched(n, d)
    method, net = fitted(x)
    assert used == [name]
    peer = decomposition.PCA(Z, svd_solver="full").fit(x)
    sign = np.sign((net.W.numpy() * peer.components_).sum(1))
    close = {"rtol": TOLERANCE[name], "atol": TOLERANCE[name] * 10}
    np.testing.assert_allclose(net.W.numpy(), sign[:, None] * peer.components_, **close)
    np.testing.assert_allclose(method.encode(net, torch.as_tensor(x)).numpy(), sign * peer.transform(x), **close)
    np.testing.assert_allclose(net.variances.numpy() * n / (n - 1), peer.explained_variance_, **close)
    back = method.decode(net, method.encode(net, torch.as_tensor(x))).numpy()
    np.testing.assert_allclose(back, peer.inverse_transform(peer.transform(x)), **close)


def test_by_hand():
    """Four points on a line of slope 1 and one off it: mean (1, 1); the first direction is (1, 1) / sqrt 2, its variance 2."""
    x = np.array([[0.0, 0.0], [2.0, 2.0], [-1.0, -1.0], [3.0, 3.0]])
    method, net = fitted(x, latent=1)
    assert net.m.tolist() == pytest.approx([1.0, 1.0])
    assert net.W[0].tolist() == pytest.approx([0.5**0.5, 0.5**0.5])
    assert net.variances.tolist() == pytest.approx([(2 + 2 + 8 + 8) / 4])  # squared distances from the mean, over n
    codes = method.encode(net, torch.as_tensor(x))[:, 0].tolist()
    assert codes == pytest.approx([-(2**0.5), 2**0.5, -(8**0.5), 8**0.5])


def test_the_error_is_what_is_left_of_the_variance():
    x = stretched(50, 6)
    method, net = fitted(x)
    back = method.decode(net, method.encode(net, torch.as_tensor(x)))
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    assert (torch.as_tensor(x) - back).square().sum(1).mean().item() == pytest.approx(values[Z:].sum(), rel=1e-9)


def test_components_are_orthonormal_and_their_largest_entry_is_positive():
    _, net = fitted(stretched(50, 6))
    torch.testing.assert_close(net.W @ net.W.T, torch.eye(Z).double())
    assert all(row[row.abs().argmax()] > 0 for row in net.W)


def test_the_code_is_no_larger_than_the_data_allow():
    assert len(PCA(latent=32).build(Array((6,)), 100).W) == 6
    assert len(PCA(latent=32).build(Array((60,)), 10).W) == 10


def test_pictures_come_back_as_pictures():
    x = stretched(20, 12).reshape(20, 3, 2, 2)
    method, net = fitted(x)
    assert method.decode(net, method.encode(net, torch.as_tensor(x))).shape == (20, 3, 2, 2)
