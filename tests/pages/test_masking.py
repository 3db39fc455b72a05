"""The lab of masking: its expectations are those of draws, its autoencoder is PCA, and its code keeps what is shared."""

import numpy as np
import pytest
from helpers.labs import lab_named


@pytest.fixture(scope="module")
def lab():
    return lab_named("masking")


def test_the_autoencoder_is_pca(lab):
    S = np.diag(np.arange(1.0, lab.D + 1))
    axes = np.abs(lab.autoencoder(S))
    assert axes == pytest.approx(np.eye(lab.D)[-lab.K :], abs=1e-9)


def test_what_a_code_tells_by_hand(lab):
    """x = s + e of variances 1 and 3: s explains a quarter of x, so x a quarter of s; a blind number tells nothing."""
    A, S = np.array([[1.0], [0.0]]), np.diag([4.0, 1.0])
    assert lab.told(np.array([[1.0, 0.0]]), A, S) == pytest.approx(0.25)
    assert lab.told(np.array([[0.0, 1.0]]), A, S) == pytest.approx(0.0)


@pytest.mark.parametrize(("together", "share"), [(1, 0.25), (4, 0.5)])
def test_the_expected_error_is_that_of_masks_drawn(lab, together, share, monkeypatch):
    """Over 200,000 masks that hide groups by chance, of the same second moments; the lab leaves out a factor of `share`."""
    rng, found = np.random.default_rng(0), {}
    A = lab.loadings(0)
    S = A @ A.T + lab.private(4.0)
    monkeypatch.setattr(lab, "lowest", lambda error, start: (0.0, found.setdefault("error", error)))
    lab.masked(S, share, together)
    D, E = 0.1 * rng.normal(size=(lab.D, lab.K)), 0.1 * rng.normal(size=(lab.K, lab.D))
    n = 200_000
    x = rng.normal(size=(n, lab.D)) @ np.linalg.cholesky(S).T
    hidden = (rng.random((n, lab.D // together)) < share).repeat(together, 1)
    drawn = np.square(x - (x * ~hidden) @ (D @ E).T)[hidden].sum() / n / share
    expected = float(found["error"](*map(lab.torch.as_tensor, (D, E))))
    assert drawn == pytest.approx(expected, rel=0.02)


def test_masking_keeps_what_is_shared_and_forgets_what_is_private(lab):
    A = lab.loadings(0)
    loud = A @ A.T + lab.private(16.0)
    assert lab.told(lab.masked(loud, 0.5), A, loud) > 0.9 > 0.7 > lab.told(lab.autoencoder(loud), A, loud)
    shared = A @ A.T + lab.neighbourly(lab.SHARED, lab.TOGETHER)
    assert lab.told(lab.masked(shared, 0.5, lab.TOGETHER), A, shared) > 0.9 > 0.7 > lab.told(lab.masked(shared, 0.5), A, shared)


def test_what_is_dropped_has_the_moments_of_draws(lab, monkeypatch):
    """E[x x'^T] and E[x' x'^T] over 200,000 drops of a quarter of the numbers."""
    A, rng = lab.loadings(0), np.random.default_rng(1)
    S = A @ A.T + lab.private(4.0)
    monkeypatch.setattr(lab, "restoring", lambda C, T: (C, T))
    x = rng.normal(size=(200_000, lab.D)) @ np.linalg.cholesky(S).T
    shown = x * (rng.random(x.shape) >= 0.25)
    for expected, drawn in zip(lab.dropping(S, 0.25), (x.T @ shown, shown.T @ shown), strict=True):
        assert expected == pytest.approx(drawn / len(x), abs=0.1)
