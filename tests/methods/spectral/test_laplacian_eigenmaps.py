"""Laplacian eigenmaps against scikit-learn's, by hand, and what is promised of new items, order, pieces and threads."""

import numpy as np
import pytest
import torch
from helpers.solved import mapped, up_to_signs
from sklearn import manifold
from sklearn.datasets import make_swiss_roll

from allegory.core import Problem
from allegory.measures import graphs, spectra
from allegory.measures.content import order
from allegory.methods.spectral.laplacian_eigenmaps import LaplacianEigenmaps

X, _ = make_swiss_roll(400, random_state=0)
NEW, _ = make_swiss_roll(20, random_state=1)


@pytest.mark.parametrize("t", [None, 4.0])
def test_it_is_scikit_learns(t):
    _net, z = mapped(LaplacianEigenmaps(latent=3, k=10, t=t), X)
    W = graphs.weighted(graphs.either(graphs.nearest_graph(torch.as_tensor(X), 10)), t)
    peer = manifold.SpectralEmbedding(3, affinity="precomputed").fit(W.toarray())
    theirs = peer.embedding_ * np.sqrt(W.sum())  # ours have variance 1 under D
    np.testing.assert_allclose(up_to_signs(z, theirs), theirs, rtol=1e-6, atol=1e-6)


def test_by_hand():
    """A path of three: L z = lambda D z has z = (1, 0, -1) with lambda 1, up to the scale by which sum D z^2 = sum D = 4."""
    net, z = mapped(LaplacianEigenmaps(latent=1, k=1), [[0.0], [1.0], [3.0]])
    assert np.abs(z[:, 0]).tolist() == pytest.approx([2**0.5, 0.0, 2**0.5], abs=1e-9) and z[0, 0] == pytest.approx(-z[2, 0])
    assert net.values.tolist() == pytest.approx([0.0], abs=1e-12)  # of the walk: 1 - lambda


def test_a_new_item_solves_the_equation_that_the_others_solve():
    """The Nystroem code of a training item, from the weights of its row, is its own; here all are neighbours of all."""
    method = LaplacianEigenmaps(latent=2, k=len(X) - 1, t=20.0)
    net, z = mapped(method, X)
    beside = torch.as_tensor(X) + 1e-7  # no training item, but as near as can be; itself counts as a neighbour now
    close = method.encode(net, beside).numpy()
    assert np.corrcoef(close[:, 0], z[:, 0])[0, 1] > 0.999


def test_a_training_item_has_its_own_code_and_new_ones_lie_among_theirs():
    method = LaplacianEigenmaps(latent=3, k=10)
    net, z = mapped(method, X)
    np.testing.assert_array_equal(z[order(torch.as_tensor(X))], net.z.numpy())
    new = method.encode(net, torch.as_tensor(NEW)).numpy()
    nearest = np.square(NEW[:, None] - X).sum(2).argmin(1)
    assert np.corrcoef(new[:, 0], z[nearest, 0])[0, 1] > 0.99
    alone = method.encode(net, torch.as_tensor(NEW[3:4])).numpy()
    np.testing.assert_allclose(alone[0], new[3], rtol=1e-9)


@pytest.mark.parametrize("surface", [0, 40], ids=["products", "factors"])
def test_sparse_and_dense_solvers_agree(surface, monkeypatch):
    _, dense = mapped(LaplacianEigenmaps(latent=3, k=10), X)
    monkeypatch.setattr(spectra, "DENSE", 10)
    monkeypatch.setattr(graphs, "SURFACE", surface)
    _, sparse = mapped(LaplacianEigenmaps(latent=3, k=10), X)
    np.testing.assert_allclose(sparse, dense, atol=1e-8)


def test_the_order_of_items_changes_nothing():
    turn = np.random.default_rng(0).permutation(len(X))
    _, z = mapped(LaplacianEigenmaps(latent=3, k=10), X)
    _, other = mapped(LaplacianEigenmaps(latent=3, k=10), X[turn])
    np.testing.assert_allclose(other, z[turn], rtol=1e-6, atol=1e-6)


def test_pieces_are_told_and_heat_that_freezes_is_refused():
    net, z = mapped(LaplacianEigenmaps(latent=2, k=5), np.concatenate([X, X + 300.0, X - 300.0]))
    assert int(net.pieces) == 3 and "3 pieces" in LaplacianEigenmaps().alarms(net)["graph in pieces"]
    groups = z.reshape(3, len(X), 2).mean(1)
    assert np.linalg.matrix_rank(groups - groups.mean(0), tol=0.1) == 2  # the two slowest modes tell the three pieces apart
    with pytest.raises(Problem, match="no weight to any neighbour; try"):
        mapped(LaplacianEigenmaps(latent=2, k=5, t=1e-9), X)


def test_copies_and_few_items():
    _, z = mapped(LaplacianEigenmaps(latent=2, k=3), np.repeat(X[:30], 5, axis=0))
    assert np.isfinite(z).all()
    _, z = mapped(LaplacianEigenmaps(latent=10, k=50), X[:4])
    assert z.shape == (4, 3) and np.isfinite(z).all()


@pytest.mark.parametrize("t", [None, 4.0])
def test_new_items_by_the_equation_of_the_training_items(t):
    """P z = (1 - lambda) z for the training items; a new one's row of P holds the weights of its k nearest."""
    method = LaplacianEigenmaps(latent=3, k=10, t=t)
    net, z = mapped(method, X)
    W = graphs.weighted(graphs.joined(graphs.either(graphs.nearest_graph(torch.as_tensor(X), 10)), torch.as_tensor(X))[0], t)
    values = net.values.numpy()
    np.testing.assert_allclose(W @ z / np.asarray(W.sum(1)).reshape(-1, 1), values * z, atol=1e-9)
    far = np.linalg.norm(NEW[:, None] - X, axis=2)
    near = far.argsort(1)[:, :10]
    w = np.ones(near.shape) if t is None else np.exp(-np.square(np.take_along_axis(far, near, 1)) / t)
    wanted = (w[..., None] * z[near]).sum(1) / w.sum(1, keepdims=True) / values
    np.testing.assert_allclose(method.encode(net, torch.as_tensor(NEW)).numpy(), wanted, atol=1e-9)


def test_modes_that_the_walk_does_not_keep_are_not_continued():
    """A star of four: its walk has the eigenvalues 1, 0, 0 and -1. A new item has the mean of its neighbours', here of one."""
    star = torch.tensor([[0.0, 0.0], [1.0, 0.0], [-0.5, 0.8], [-0.5, -0.9]], dtype=torch.float64)
    method = LaplacianEigenmaps(latent=2, k=1)
    net, z = mapped(method, star)
    assert net.values.abs().max() < 1e-9 and np.abs(z).max() > 1
    np.testing.assert_allclose(method.encode(net, star + 1e-3).numpy(), z, atol=1e-9)
