"""Classical scaling is PCA on Euclidean distances, gives distances back, and places new items by Gower's formula."""

import numpy as np
import pytest
import torch
from helpers.solved import mapped, up_to_signs
from scipy.spatial.distance import cdist, pdist
from sklearn.datasets import make_swiss_roll

from allegory.methods.spectral.classical_mds import ClassicalMDS
from allegory.methods.spectral.pca import PCA

X, _ = make_swiss_roll(120, random_state=0)
NEW, _ = make_swiss_roll(20, random_state=1)


def test_of_euclidean_distances_it_is_pca():
    method = ClassicalMDS(latent=2)
    net, z = mapped(method, X)
    pca_net, pca = mapped(PCA(latent=2), X)
    np.testing.assert_allclose(up_to_signs(z, pca), pca, rtol=1e-6, atol=1e-9)
    sign = np.sign((z * pca).sum(0))
    new = PCA(latent=2).encode(pca_net, torch.as_tensor(NEW)).numpy()
    np.testing.assert_allclose(sign * method.encode(net, torch.as_tensor(NEW)).numpy(), new, rtol=1e-6, atol=1e-8)


def test_by_hand():
    """Three towns in a row, 3 and 4 apart: 7 between the outer ones. Around their mean at 10/3 they lie at -10/3, -1/3, 11/3."""
    _, z = mapped(ClassicalMDS(latent=1), [[0.0, 0.0], [1.8, 2.4], [4.2, 5.6]])
    assert (np.sign(z[2]) * z)[:, 0].tolist() == pytest.approx([-10 / 3, -1 / 3, 11 / 3])


def test_distances_come_back_where_there_is_room():
    _, z = mapped(ClassicalMDS(latent=3), X)
    np.testing.assert_allclose(pdist(z), pdist(X), rtol=1e-9)


def test_manhattan_distances_are_double_centred():
    """The strain's minimum from the textbook: the leading eigenvectors of B, by numpy."""
    D = cdist(X, X, "cityblock")
    J = np.eye(len(X)) - 1 / len(X)
    values, vectors = np.linalg.eigh(-0.5 * J @ D**2 @ J)
    wanted = vectors[:, ::-1][:, :2] * np.sqrt(values[::-1][:2])
    net, z = mapped(ClassicalMDS(latent=2, distance="manhattan"), X)
    np.testing.assert_allclose(up_to_signs(z, wanted), wanted, rtol=1e-6, atol=1e-8)
    assert net.values.tolist() == pytest.approx(values[::-1][:2].tolist())


def test_landmarks_place_the_others_exactly_when_distances_are_euclidean():
    net, z = mapped(ClassicalMDS(latent=3, landmarks=30), X)
    assert len(net.x) == 30
    np.testing.assert_allclose(pdist(z), pdist(X), rtol=1e-6)


def test_a_distance_of_ones_own():
    doubled = lambda a, b: 2.0 * torch.cdist(a, b)
    _, z = mapped(ClassicalMDS(latent=3, own=doubled), X)
    np.testing.assert_allclose(pdist(z), 2.0 * pdist(X), rtol=1e-6)
