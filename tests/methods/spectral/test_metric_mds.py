"""Metric scaling: never a worse stress than scikit-learn's, by hand, and new items where their distances say."""

import numpy as np
import pytest
import torch
from helpers.solved import mapped
from scipy.spatial.distance import pdist
from sklearn import manifold
from sklearn.datasets import load_digits

from allegory.methods.spectral.classical_mds import ClassicalMDS
from allegory.methods.spectral.metric_mds import MetricMDS

X = load_digits().data[:150]


def stress(x, z):
    return float(np.square(pdist(x) - pdist(z)).sum())


def test_its_stress_is_no_worse_than_the_best_of_scikit_learns_starts_and_below_classical_scaling():
    _, z = mapped(MetricMDS(latent=2), X)
    peer = manifold.MDS(2, n_init=4, init="random", random_state=0, max_iter=300, eps=1e-6, normalized_stress=False).fit_transform(X)
    assert stress(X, z) <= 1.02 * stress(X, peer)
    assert stress(X, z) < 0.7 * stress(X, mapped(ClassicalMDS(latent=2), X)[1])


def test_by_hand():
    """Three items at distances 1 from each other, on a line: the best has the ends 4/3 apart, the third in the middle.

    Of places -a, 0, a the stress is 2 (1 - a)^2 + (1 - 2 a)^2, least at a = 2/3, where it is 1/3.
    """
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]])
    _, z = mapped(MetricMDS(latent=1, eps=1e-12), corners)
    assert sorted(z[:, 0] - np.median(z)) == pytest.approx([-2 / 3, 0, 2 / 3], abs=1e-4)
    assert stress(corners, z) == pytest.approx(1 / 3, abs=1e-6)


def test_distances_that_fit_come_back_and_new_items_find_their_place():
    flat = np.random.default_rng(0).normal(size=(60, 2)) @ np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0][:2]
    method = MetricMDS(latent=2)
    net, z = mapped(method, flat[:50])
    np.testing.assert_allclose(pdist(z), pdist(flat[:50]), rtol=1e-4)
    new = method.encode(net, torch.as_tensor(flat[50:])).numpy()
    np.testing.assert_allclose(pdist(np.concatenate([z, new])), pdist(flat), atol=0.02)


def test_landmarks_stand_for_all():
    net, z = mapped(MetricMDS(latent=2, landmarks=60), X)
    assert len(net.x) == 60 and z.shape == (150, 2)
    assert stress(X, z) < stress(X, mapped(ClassicalMDS(latent=2), X)[1])


def test_items_that_are_all_the_same_lie_together():
    _, z = mapped(MetricMDS(latent=2), np.ones((12, 3)))
    assert np.isfinite(z).all() and np.ptp(z) < 1e-9
