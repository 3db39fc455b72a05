"""Isomap against scikit-learn's, against classical scaling, and on a roll whose flat sheet is known."""

import numpy as np
import pytest
import torch
from helpers.solved import mapped, up_to_signs
from scipy.spatial import procrustes
from sklearn import manifold
from sklearn.datasets import make_swiss_roll

from allegory.methods.spectral.atlas import Atlas
from allegory.methods.spectral.classical_mds import ClassicalMDS
from allegory.methods.spectral.diffusion_maps import DiffusionMaps
from allegory.methods.spectral.geomancer import Geomancer
from allegory.methods.spectral.isomap import Isomap
from allegory.methods.spectral.laplacian_eigenmaps import LaplacianEigenmaps
from allegory.methods.spectral.lle import LLE

X, TURN = make_swiss_roll(700, random_state=0)
NEW, _ = make_swiss_roll(20, random_state=1)
# arc length of the spiral r = t, and the roll's width
SHEET = np.stack([0.5 * (TURN * np.sqrt(1 + TURN**2) + np.arcsinh(TURN)), X[:, 1]], 1)


def test_it_is_scikit_learns():
    method = Isomap(latent=2, k=8)
    net, z = mapped(method, X)
    peer = manifold.Isomap(n_neighbors=8, n_components=2, eigen_solver="dense").fit(X)
    np.testing.assert_allclose(up_to_signs(z, peer.embedding_), peer.embedding_, rtol=1e-6, atol=1e-6)
    sign = np.sign((z * peer.embedding_).sum(0))
    np.testing.assert_allclose(sign * method.encode(net, torch.as_tensor(NEW)).numpy(), peer.transform(NEW), rtol=1e-6, atol=1e-6)


def test_with_all_items_as_neighbours_it_is_classical_scaling():
    _, z = mapped(Isomap(latent=2, k=len(X)), X)
    _, mds = mapped(ClassicalMDS(latent=2), X)
    np.testing.assert_allclose(up_to_signs(z, mds), mds, rtol=1e-6, atol=1e-8)


def test_the_roll_is_laid_flat_and_pca_does_not():
    """Procrustes' misfit to the sheet, a share of its variance; long ways along a graph are a little too long, hence not 0."""
    _, z = mapped(Isomap(latent=2, k=8), X)
    _, flat = mapped(ClassicalMDS(latent=2), X)
    assert procrustes(SHEET, z)[2] < 0.005 < 0.3 < procrustes(SHEET, flat)[2]


def test_landmarks_give_nearly_the_same_map():
    net, z = mapped(Isomap(latent=2, k=8, landmarks=100), X)
    _, whole = mapped(Isomap(latent=2, k=8), X)
    assert net.ways.shape == (700, 100)
    assert procrustes(whole, z)[2] < 1e-3


def test_by_hand():
    """Four items around three sides of a square, each with one neighbour: the way between the ends is around, not across.

    Two pieces of two items each; the shortest link between them, from the second to the third, joins them.
    """
    net, z = mapped(Isomap(latent=1, k=1), [[0.0, 0.0], [0.0, 1.0], [1.2, 1.1], [1.3, 0.0]])
    assert int(net.pieces) == 2
    x = np.cumsum([0.0, 1.0, (1.2**2 + 0.1**2) ** 0.5, (0.1**2 + 1.1**2) ** 0.5])
    wanted = x - x.mean()
    assert np.abs(z[:, 0]).tolist() == pytest.approx(np.abs(wanted).tolist())
    first = int(torch.cdist(net.items, net.items.new_zeros(1, 2)).argmin())
    assert net.ways[first].sort().values.tolist() == pytest.approx(x.tolist())


def test_pieces_are_joined_and_told():
    two = np.concatenate([X, X + 500.0])
    net, z = mapped(Isomap(latent=2, k=8), two)
    assert int(net.pieces) == 2 and np.isfinite(z).all()
    assert "2 pieces" in Isomap().alarms(net)["graph in pieces"]
    whole, _ = mapped(Isomap(latent=2, k=8), X)
    assert Isomap().alarms(whole) == {}


def test_the_order_of_items_changes_nothing():
    turn = np.random.default_rng(0).permutation(len(X))
    for method in (Isomap(latent=2, k=8), Isomap(latent=2, k=8, landmarks=50)):
        _, z = mapped(method, X)
        _, other = mapped(method, X[turn])
        np.testing.assert_allclose(other, z[turn], rtol=1e-6, atol=1e-6)


GRAPHS = (Isomap(latent=2, k=8), LaplacianEigenmaps(latent=3), DiffusionMaps(latent=3), LLE(latent=2), LLE(latent=2, form="modified"),
          Geomancer(dimension=2, latent=3), Atlas(latent=2))  # fmt: skip


@pytest.mark.parametrize("method", GRAPHS, ids=lambda method: f"{type(method).__name__}-{getattr(method, 'form', '')}")
def test_graph_methods_give_the_same_bits_at_any_number_of_threads(method):
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(mapped(method, X)[1])
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
