"""LLE in its three forms: scikit-learn's, the papers', by hand, and on a roll whose flat sheet is known."""

import numpy as np
import pytest
import torch
from helpers.solved import mapped, up_to_signs
from scipy.linalg import subspace_angles
from sklearn import manifold
from sklearn.datasets import make_swiss_roll

from allegory.core import Misuse
from allegory.measures import alignments, spectra
from allegory.measures.graphs import barycentric
from allegory.measures.neighbours import nearest
from allegory.methods.spectral.lle import LLE

N = 700
X, TURN = make_swiss_roll(N, random_state=0)
NEW, _ = make_swiss_roll(20, random_state=1)
SHEET = np.stack([0.5 * (TURN * np.sqrt(1 + TURN**2) + np.arcsinh(TURN)), X[:, 1]], 1)


@pytest.mark.parametrize("form", ["standard", "modified"])
def test_it_is_scikit_learns(form):
    method = LLE(latent=2, k=12, form=form)
    net, z = mapped(method, X)
    peer = manifold.LocallyLinearEmbedding(n_neighbors=12, n_components=2, method=form, eigen_solver="dense").fit(X)
    theirs = peer.embedding_ * N**0.5
    np.testing.assert_allclose(up_to_signs(z, theirs), theirs, rtol=1e-6, atol=1e-6)
    sign = np.sign((z * theirs).sum(0))
    new = method.encode(net, torch.as_tensor(NEW)).numpy()
    np.testing.assert_allclose(sign * new, peer.transform(NEW) * N**0.5, rtol=1e-6, atol=1e-6)
    assert float(net.values.sum()) == pytest.approx(peer.reconstruction_error_, rel=1e-4)


def test_the_hessian_is_the_papers():
    """Section 4.2 written out for every item. scikit-learn 1.9 keeps all columns of a full QR, the complement of the linear functions,
    which makes its "hessian" the local tangent space alignment of its "ltsa"; the paper takes the last m (m + 1) / 2 alone."""
    near = nearest(torch.as_tensor(X), 12)[1].numpy()
    M = np.zeros((N, N))
    for i in range(N):
        around = X[near[i]] - X[near[i]].mean(0)
        U = np.linalg.svd(around, full_matrices=False)[0][:, :2]
        Y = np.column_stack([np.ones(12), U, U[:, 0] ** 2, U[:, 0] * U[:, 1], U[:, 1] ** 2])
        for _ in range(2):  # Gram and Schmidt, twice for rounding
            for j in range(6):
                Y[:, j] -= Y[:, :j] @ (Y[:, :j].T @ Y[:, j])
                Y[:, j] /= np.linalg.norm(Y[:, j])
        M[np.ix_(near[i], near[i])] += Y[:, 3:] @ Y[:, 3:].T
    ours = alignments.hessian(torch.as_tensor(X), torch.as_tensor(near), 2).toarray()
    np.testing.assert_allclose(ours, M, atol=1e-9)


def sheet_in(z):
    """The largest angle, in radians, between the sheet's plane and the code's."""
    return float(subspace_angles(SHEET - SHEET.mean(0), z - z.mean(0)).max())


def test_the_sheet_lies_in_the_code_of_better_forms():
    angles = {form: sheet_in(mapped(LLE(latent=2, k=10, form=form), X)[1]) for form in ("standard", "modified", "hessian")}
    assert angles["modified"] < 0.05 and angles["hessian"] < 0.05 < 0.3 < angles["standard"]


def test_weights_by_hand():
    """0.25 between 0 and 1 is 3/4 of the one and 1/4 of the other; reg pulls towards one half."""
    x, near = torch.tensor([[0.25]]).double(), torch.tensor([[[0.0], [1.0]]]).double()
    assert barycentric(x, near, 1e-9)[0].tolist() == pytest.approx([0.75, 0.25], abs=1e-6)
    a, b, r = 0.25**2, 0.75**2, 0.1 * (0.25**2 + 0.75**2)
    # (a + r) w1 - sqrt(a b) w2 = (b + r) w2 - sqrt(a b) w1
    w1 = (b + r + (a * b) ** 0.5) / (a + b + 2 * r + 2 * (a * b) ** 0.5)
    assert barycentric(x, near, 0.1)[0].tolist() == pytest.approx([w1, 1 - w1])


def test_the_sparse_solver_is_the_dense_one(monkeypatch):
    _, dense = mapped(LLE(latent=2, k=12), X)
    monkeypatch.setattr(spectra, "DENSE", 10)
    _, sparse = mapped(LLE(latent=2, k=12), X)
    np.testing.assert_allclose(sparse, dense, atol=1e-7)  # eigenvalues 1e-7 beside 1


def test_codes_are_centred_and_of_variance_one():
    _, z = mapped(LLE(latent=2, k=12), X)
    np.testing.assert_allclose(z.T @ z / N, np.eye(2), atol=1e-6)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-6)


def test_too_few_neighbours_are_refused_in_words():
    with pytest.raises(Misuse, match=r"expected k of more than 5 = m \(m \+ 3\) / 2 .*got 5"):
        mapped(LLE(latent=2, k=5, form="hessian"), X)
    with pytest.raises(Misuse, match="expected k of more than 3"):
        mapped(LLE(latent=3, k=3, form="modified"), X)
