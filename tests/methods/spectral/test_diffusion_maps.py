"""Diffusion maps: distances of codes are distances of diffusion, density is taken out, by hand."""

import numpy as np
import pytest
import torch
from helpers.solved import mapped
from scipy.spatial.distance import cdist, pdist, squareform

from allegory.core import Misuse
from allegory.methods.spectral.diffusion_maps import DiffusionMaps

RNG = np.random.default_rng(0)


def walk(x, epsilon, alpha):
    """P of the paper, in full, and its stationary distribution."""
    k = np.exp(-(cdist(x, x) ** 2) / epsilon)
    q = k.sum(1)
    k = k / np.outer(q, q) ** alpha
    return k / k.sum(1, keepdims=True), k.sum(1) / k.sum()


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("t", [1, 3])
def test_distances_of_all_codes_are_distances_of_diffusion(alpha, t):
    x = RNG.normal(size=(30, 2))
    _net, z = mapped(DiffusionMaps(latent=29, k=29, epsilon=1.0, alpha=alpha, t=float(t)), x)
    P, pi = walk(x, 1.0, alpha)
    Pt = np.linalg.matrix_power(P, t)
    wanted = np.square(Pt[:, None] - Pt[None]) @ (1 / pi)
    np.testing.assert_allclose(squareform(pdist(z)) ** 2, wanted, rtol=1e-6, atol=1e-9)


def test_by_hand():
    """Two items at k(x, y) = e^-1: P = (1, 1/e; 1/e, 1) / (1 + 1/e), lambda = (1 - 1/e) / (1 + 1/e), psi = +-1."""
    net, z = mapped(DiffusionMaps(latent=1, k=1, epsilon=1.0, t=2.0), [[0.0], [1.0]])
    ratio = (1 - np.exp(-1)) / (1 + np.exp(-1))
    assert net.values.tolist() == pytest.approx([ratio])
    assert np.abs(z[:, 0]).tolist() == pytest.approx([ratio**2] * 2) and z[0, 0] == -z[1, 0]


def test_alpha_takes_the_density_out():
    """Twice as many items on one half of a circle: with alpha 1 the codes are a round circle, with alpha 0 they are not."""
    angle = np.concatenate([np.linspace(0, np.pi, 200, endpoint=False), np.linspace(np.pi, 2 * np.pi, 800, endpoint=False)])
    x = np.stack([np.cos(angle), np.sin(angle)], 1)

    def unround(alpha):
        _, z = mapped(DiffusionMaps(latent=2, k=999, epsilon=0.01, alpha=alpha, t=0.0), x)
        radius = np.linalg.norm(z, axis=1)
        return radius.std() / radius.mean()

    assert unround(1.0) < 0.02 < 0.5 < unround(0.0)


def test_new_items_lie_on_the_curve():
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    method = DiffusionMaps(latent=2, k=20)
    net, z = mapped(method, np.stack([np.cos(angle), np.sin(angle)], 1))
    new = torch.as_tensor(np.stack([np.cos(angle + 0.007), np.sin(angle + 0.007)], 1))
    moved = method.encode(net, new).numpy()
    turned = (np.arctan2(moved[:, 1], moved[:, 0]) - np.arctan2(z[:, 1], z[:, 0]) + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(turned).tolist() == pytest.approx([0.007] * 300, abs=2e-3)
    assert len(set(np.sign(turned))) == 1


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(Misuse, match="alpha from 0 to 1"):
        mapped(DiffusionMaps(alpha=2.0), RNG.normal(size=(5, 2)))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_a_new_item_beside_a_training_item_has_its_code(alpha):
    """With all items as neighbours its row of p is that item's own, and lambda psi = P psi gives psi back."""
    x = RNG.normal(size=(30, 2))
    method = DiffusionMaps(latent=3, k=30, epsilon=1.0, alpha=alpha)
    net, z = mapped(method, x)
    beside = method.encode(net, torch.as_tensor(x) + 1e-9).numpy()
    assert (beside != z).any(1).all()  # none was taken for a training item
    np.testing.assert_allclose(beside, z, atol=1e-6)


def test_modes_that_the_walk_does_not_keep_are_not_continued():
    """Where all are neighbours alike (a wide kernel) the walk has the eigenvalues 1, 0, 0, ...: codes of new items stay bounded."""
    x = RNG.normal(size=(20, 2))
    method = DiffusionMaps(latent=3, k=19, epsilon=1e9, t=0.0)
    net, z = mapped(method, x)
    assert net.values.abs().max() < 1e-6 < np.abs(z).max()
    assert method.encode(net, torch.as_tensor(x + 1e-3)).abs().max() <= np.abs(z).max()
