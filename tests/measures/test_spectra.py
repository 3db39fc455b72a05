"""Eigenvectors: the same on every call, where Lanczos breaks down too, and of both signs at small eigenvalues."""

import numpy as np
import scipy.sparse as sp

from allegory.measures import spectra


def test_where_lanczos_breaks_down_it_goes_on_alike():
    """One step of the identity finds all that its beginning spans; what it goes on from is drawn anew, the same in every call."""
    once, again = (spectra.lanczos(lambda v: v, 60, 3) for _ in range(2))
    assert np.array_equal(once[0], again[0]) and np.array_equal(once[1], again[1])
    np.testing.assert_allclose(once[0], 1.0)
    np.testing.assert_allclose(once[1].T @ once[1], np.eye(3), atol=1e-9)


def test_trailing_by_hand():
    """A path of n items has the eigenvalues 2 - 2 cos(pi j / n): the dense way and the factors."""
    n = 1600
    path = sp.diags_array([-np.ones(n - 1), np.r_[1.0, 2.0 * np.ones(n - 2), 1.0], -np.ones(n - 1)], offsets=[-1, 0, 1]).tocsr()
    values, vectors = spectra.trailing(path, 2)
    wanted = 2.0 - 2.0 * np.cos(np.pi * np.arange(1, 3) / n)
    np.testing.assert_allclose(values.numpy(), wanted, rtol=1e-6)
    wave = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    assert abs(float(vectors[:, 0].numpy() @ wave)) / np.linalg.norm(wave) > 1 - 1e-6
