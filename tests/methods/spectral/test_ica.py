"""ICA finds mixed sources, and scikit-learn's answer; its decoder is the mixing."""

import numpy as np
import pytest
import torch
from helpers.solved import solved
from sklearn import decomposition

from allegory.core import Array, Misuse
from allegory.measures.separation import amari_index
from allegory.methods.spectral.ica import ICA
from allegory.methods.spectral.pca import PCA


def sources(n=5000):
    """Uniform, Laplace, of two peaks, exponential: each of mean 0 and variance 1."""
    rng = np.random.default_rng(0)
    s = np.stack([
        rng.uniform(-1, 1, n), rng.laplace(size=n), rng.choice([-1.0, 1.0], n) + 0.3 * rng.normal(size=n), rng.exponential(size=n),
    ], 1)  # fmt: skip
    return (s - s.mean(0)) / s.std(0)


def mixed(d=4):
    rng = np.random.default_rng(1)
    A = rng.normal(size=(4, d))
    return sources() @ A + rng.normal(size=d), A


@pytest.mark.parametrize("contrast", ["logcosh", "exp", "cube"])
def test_mixed_sources_are_found_where_principal_axes_do_not(contrast):
    x, A = mixed()
    net = solved(ICA(latent=4, contrast=contrast), x)
    assert amari_index(torch.as_tensor(A) @ net.U.T) < 0.05
    assert amari_index(torch.as_tensor(A) @ solved(PCA(latent=4), x).W.T) > 0.2


def test_more_numbers_than_sources():
    x, A = mixed(d=9)
    method = ICA(latent=4)
    net = solved(method, x)
    assert amari_index(torch.as_tensor(A) @ net.U.T) < 0.05
    torch.testing.assert_close(method.decode(net, method.encode(net, torch.as_tensor(x))), torch.as_tensor(x))


def test_the_decoder_is_the_mixing_and_the_codes_are_uncorrelated_of_variance_one():
    x, A = mixed()
    method = ICA(latent=4)
    net = solved(method, x)
    z = method.encode(net, torch.as_tensor(x))
    torch.testing.assert_close(z.T @ z / len(z), torch.eye(4).double())
    torch.testing.assert_close(net.A @ net.U.T, torch.eye(4).double())
    # each source adds what it adds in truth, up to its sign and order
    near = np.abs(np.corrcoef(net.A.numpy(), A)[:4, 4:])
    assert sorted(near.argmax(1)) == [0, 1, 2, 3] and near.max(1).min() > 0.99
    lengths = net.A.norm(dim=1).numpy()
    np.testing.assert_allclose(lengths, np.linalg.norm(A, axis=1)[near.argmax(1)], rtol=0.05)
    assert all(row[row.abs().argmax()] > 0 for row in net.A)


def test_it_is_scikit_learns_up_to_order_and_sign():
    x, _ = mixed()
    own = ICA(latent=4)
    z = own.encode(solved(own, x), torch.as_tensor(x)).numpy()
    peer = decomposition.FastICA(4, whiten="unit-variance", random_state=0, tol=1e-8, max_iter=1000).fit_transform(x)
    near = np.abs(np.corrcoef(z.T, peer.T)[:4, 4:])
    np.testing.assert_allclose(near.max(1), 1.0, atol=1e-5)


def test_how_far_from_gaussian_by_hand():
    """Of a fair coin (+-1) log cosh is log cosh 1 = .43378 always: (.43378 - .37457)^2. The Gaussian beside it comes last, near 0."""
    rng = np.random.default_rng(0)
    coin = np.repeat([-1.0, 1.0], 2000)
    net = solved(ICA(latent=2), np.stack([rng.normal(size=4000), coin], 1))
    assert net.far[0].item() == pytest.approx((np.log(np.cosh(1.0)) - 0.37457) ** 2, rel=0.02)
    assert net.far[1].item() < 1e-4
    assert ICA().spectrum(net).values.tolist() == net.far.tolist()


def test_the_same_twice_and_gaussian_data_do_no_harm():
    x = np.random.default_rng(3).normal(size=(300, 5))
    a, b = (solved(ICA(latent=5), x) for _ in range(2))
    assert torch.equal(a.U, b.U) and bool(a.U.isfinite().all())


@pytest.mark.parametrize("x", [np.ones((6, 3)), np.arange(6.0)[:, None] * np.ones(4)], ids=["constant", "a line"])
def test_where_nothing_varies_there_is_no_source(x):
    method = ICA(latent=3)
    net = solved(method, x)
    directions = np.linalg.matrix_rank(x - x.mean(0))
    assert int((net.U.abs().sum(1) > 0).sum()) == directions
    torch.testing.assert_close(method.decode(net, method.encode(net, torch.as_tensor(x))), torch.as_tensor(x))


def test_sizes_and_wrong_use():
    assert len(ICA(latent=9).build(Array((4,)), 100).U) == 4
    with pytest.raises(Misuse, match="latent: expected a size of 1 or more"):
        ICA(latent=0).build(Array((4,)), 100)
    unknown = ICA()
    object.__setattr__(unknown, "contrast", "tanh")  # past the type checker of the tests
    with pytest.raises(Misuse, match="contrast: expected one of logcosh, exp, cube, got 'tanh'"):
        unknown.build(Array((4,)), 100)
