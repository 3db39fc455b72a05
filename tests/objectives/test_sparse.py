"""Sparse codes: by hand, at the minimum, beside scikit-learn's solvers, and each item by itself."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import sparse_encode

from allegory.objectives import sparse


def problem(n=40, d=10, k=25):
    rng = np.random.default_rng(0)
    D = rng.normal(size=(k, d))
    return torch.as_tensor(rng.normal(size=(n, d))), torch.as_tensor(D / np.linalg.norm(D, axis=1)[:, None])


def test_one_atom_by_hand():
    """D = (1, 0), x = (3, 4), price 1: z = 3 - 1, and the objective (1^2 + 4^2) / 2 + 2."""
    x, D = torch.tensor([[3.0, 4.0], [-3.0, 4.0], [0.5, 4.0]]), torch.tensor([[1.0, 0.0]])
    z = sparse.fista(x, D, 1.0)
    assert z.flatten().tolist() == pytest.approx([2.0, -2.0, 0.0], abs=1e-5)
    assert sparse.lasso(x, D, z, 1.0).tolist() == pytest.approx([10.5, 10.5, 8.125], abs=1e-5)
    assert sparse.pursuit(x, 2 * D, 1).flatten().tolist() == pytest.approx([1.5, -1.5, 0.25], abs=1e-6)  # of an atom twice as long, half


def test_fista_ends_at_the_minimum():
    """Where the slope of the error is the price, against the sign of a number that is used, and no more where it is not."""
    x, D = problem()
    z = sparse.fista(x, D, 0.3, tolerance=1e-12)
    slope, used = (x - z @ D) @ D.T, z != 0
    torch.testing.assert_close(slope[used], 0.3 * z[used].sign(), rtol=0, atol=1e-8)
    assert float(slope[~used].abs().max()) <= 0.3 + 1e-8 and 0 < used.double().mean() < 0.4


def test_fista_is_the_lasso_of_scikit_learn():
    x, D = problem()
    peer = sparse_encode(x.numpy(), D.numpy(), algorithm="lasso_lars", alpha=0.3, max_iter=1000)
    np.testing.assert_allclose(sparse.fista(x, D, 0.3, tolerance=1e-12).numpy(), peer, rtol=0, atol=1e-8)
    near = sparse.fista(x, D, 0.3)  # with the tolerance that is used
    np.testing.assert_allclose(sparse.lasso(x, D, near, 0.3), sparse.lasso(x, D, torch.as_tensor(peer), 0.3), rtol=1e-8)


@pytest.mark.parametrize("s", [1, 3, 10])
def test_pursuit_is_scikit_learns(s):
    x, D = problem()
    peer = sparse_encode(x.numpy(), D.numpy(), algorithm="omp", n_nonzero_coefs=s)
    np.testing.assert_allclose(sparse.pursuit(x, D, s).numpy(), peer, rtol=0, atol=1e-8)


def test_pursuit_takes_no_more_atoms_than_an_item_needs():
    D = problem()[1]
    x = torch.stack([2.0 * D[3] - D[7], 5.0 * D[1], torch.zeros(10).double()])
    z = sparse.pursuit(x, torch.cat([D, D]), 6)  # each atom twice: the second finds nothing left
    torch.testing.assert_close(z @ torch.cat([D, D]), x)
    assert int((z[1].abs() > 1e-9).sum()) == 1 and not z[2].any()


def test_each_item_stops_on_its_own():
    x, D = problem()
    for code in (lambda x: sparse.fista(x, D, 0.3, tolerance=1e-3), lambda x: sparse.pursuit(x, D, 4)):
        alone = torch.cat([code(one) for one in x.split(1)])
        torch.testing.assert_close(code(x), alone, rtol=0, atol=1e-12)
