"""Kernel PCA against scikit-learn's, against PCA, by hand, and what it says of a kernel that is none."""

import numpy as np
import pytest
import torch
from helpers.solved import mapped, up_to_signs
from sklearn import decomposition
from sklearn.datasets import make_swiss_roll

from allegory.core import Misuse, Problem
from allegory.measures import kernels
from allegory.methods.spectral.classical_mds import ClassicalMDS
from allegory.methods.spectral.kernel_pca import KernelPCA
from allegory.methods.spectral.pca import PCA

X, _ = make_swiss_roll(150, random_state=0)
NEW, _ = make_swiss_roll(20, random_state=1)
CLOSE = {"rtol": 1e-6, "atol": 1e-8}
PEERS = {"linear": "linear", "rbf": "rbf", "polynomial": "poly", "laplace": lambda a, b: np.exp(-0.02 * np.abs(a - b).sum())}


@pytest.mark.parametrize("kernel", PEERS)
def test_it_is_scikit_learns(kernel):
    method = KernelPCA(latent=3, kernel=kernel, gamma=0.02)
    net, z = mapped(method, X)
    peer = decomposition.KernelPCA(3, kernel=PEERS[kernel], gamma=0.02, eigen_solver="dense").fit(X)
    theirs = peer.transform(X)
    np.testing.assert_allclose(up_to_signs(z, theirs), theirs, **CLOSE)
    sign = np.sign((z * theirs).sum(0))
    np.testing.assert_allclose(method.encode(net, torch.as_tensor(NEW)).numpy(), sign * peer.transform(NEW), **CLOSE)
    np.testing.assert_allclose(net.values.numpy() * len(X), peer.eigenvalues_, rtol=1e-8)


def test_with_the_linear_kernel_it_is_pca():
    _, z = mapped(KernelPCA(latent=3, kernel="linear"), X)
    net, pca = mapped(PCA(latent=3), X)
    np.testing.assert_allclose(up_to_signs(z, pca), pca, **CLOSE)
    kernel_net, _ = mapped(KernelPCA(latent=3, kernel="linear"), X)
    np.testing.assert_allclose(kernel_net.values.numpy(), net.variances.numpy(), rtol=1e-9)


def test_by_hand():
    """-1, 0, 1 under (x y + 1)^2, which is the map (1, sqrt 2 x, x^2): its directions are sqrt 2 x (1.633 = 2 * 2 / 3 ... squared) and x^2.

    Centred images: (-sqrt 2, 1/3), (0, -2/3), (sqrt 2, 1/3): variances 4/3 along the first, 2/9 along the second.
    """
    net, z = mapped(KernelPCA(latent=2, kernel="polynomial", gamma=1.0, degree=2, c=1.0), [[-1.0], [0.0], [1.0]])
    assert net.values.tolist() == pytest.approx([4 / 3, 2 / 9])
    assert np.abs(z).round(9).tolist() == [pytest.approx([2**0.5, 1 / 3]), pytest.approx([0, 2 / 3]), pytest.approx([2**0.5, 1 / 3])]
    assert z[0, 1] == pytest.approx(z[2, 1]) and z[0, 1] == pytest.approx(-z[1, 1] / 2) and z[0, 0] == pytest.approx(-z[2, 0])


def test_landmarks_that_are_all_items_are_exact_and_some_are_near():
    from allegory.methods.spectral import kernel_pca

    k = kernels.RBF(0.02)
    x = torch.as_tensor(X)
    K = k(x, x)
    values, A, b = kernel_pca.nystroem(K, lambda rows: k(rows, x), x, 3, block=40)
    whole, z = mapped(KernelPCA(latent=3, gamma=0.02), X)
    np.testing.assert_allclose(up_to_signs((K @ A + b).numpy(), z), z, atol=1e-6)
    assert values.numpy() / len(X) == pytest.approx(whole.values.numpy(), rel=1e-6)
    some, few = mapped(KernelPCA(latent=3, gamma=0.02, landmarks=60), X)
    assert len(some.x) == 60
    kept = [abs(np.corrcoef(few[:, j], z[:, j])[0, 1]) for j in range(3)]
    assert min(kept) > 0.99


def test_mercer_is_asked_of_a_kernel_of_ones_own():
    not_one = lambda a, b: torch.tanh(2.0 * a @ b.T - 1.0)
    with pytest.raises(Problem, match=r"no Mercer kernel.*not positive semi-definite: eigenvalues from -.*Choose another kernel"):
        mapped(KernelPCA(latent=2, own=not_one), X / 10)
    _, z = mapped(KernelPCA(latent=2, own=not_one, indefinite="drop"), X / 10)
    assert np.isfinite(z).all()
    _, own = mapped(KernelPCA(latent=2, own=kernels.RBF(0.02)), X)
    _, named = mapped(KernelPCA(latent=2, gamma=0.02), X)
    np.testing.assert_array_equal(own, named)


def test_its_values_are_asked_for_in_words():
    with pytest.raises(Misuse, match="gamma above 0"):
        mapped(KernelPCA(gamma=-1.0), X)
    with pytest.raises(Misuse, match="degree >= 1"):
        mapped(KernelPCA(kernel="polynomial", degree=0), X)


def test_more_codes_than_there_is_room_for_are_zero():
    _, z = mapped(KernelPCA(latent=10, kernel="linear"), X)
    assert z.shape == (150, 10) and np.abs(z[:, 3:]).max() == 0.0 and (z[:, :3].std(0) > 1).all()


def test_copies_and_constant_features_are_no_trouble():
    _, z = mapped(ClassicalMDS(latent=2), np.repeat([[1.0, 2.0, 7.0], [3.0, 1.0, 7.0]], 4, axis=0))
    assert z[:, 0].round(9).tolist() == pytest.approx([z[0, 0]] * 4 + [-z[0, 0]] * 4)
    assert abs(z[0, 0]) == pytest.approx(5**0.5 / 2) and np.abs(z[:, 1]).max() == 0.0
