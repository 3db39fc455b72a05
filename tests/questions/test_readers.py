"""The readers: each reads what it can, none reads what it cannot, all are deterministic."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from allegory.questions import readers, ridge
from allegory.questions.readers import READERS, Known


def split(x, y, classes):
    x, y = torch.as_tensor(x, dtype=torch.float64), torch.as_tensor(y)
    a, b = int(0.5 * len(x)), int(0.7 * len(x))
    return Known(x[:a], y[:a], x[a:b], y[a:b], classes), x[b:], y[b:]


def accuracy(reader, x, y, classes):
    known, at, truth = split(x, y, classes)
    out = reader(known, at, 0)
    assert out.shape == (len(at), classes)
    return float((out.argmax(1) == truth).double().mean())


def r2(reader, x, y):
    known, at, truth = split(x, y, 0)
    out = reader(known, at, 0)
    assert out.shape == (len(at), 1)
    return 1 - float((out[:, 0] - truth).square().sum() / (truth - truth.mean()).square().sum())


@pytest.fixture(scope="module")
def codes():
    return np.random.default_rng(0).normal(size=(1600, 4))


@pytest.mark.parametrize("name", READERS)
def test_a_line_is_read_by_all(name, codes):
    assert accuracy(READERS[name], codes, np.digitize(codes[:, 0], (-0.5, 0.5)), 3) > 0.8
    assert r2(READERS[name], codes, 3.0 * codes[:, 0] - codes[:, 1] + 100.0) > 0.8


@pytest.mark.parametrize(("name", "least"), [("linear", None), ("kNN", 0.8), ("trees", 0.9), ("MLP", 0.9)])
def test_exclusive_or_is_read_by_all_but_the_linear_reader(name, least, codes):
    found = accuracy(READERS[name], codes, (codes[:, 0] * codes[:, 1] > 0).astype(np.int64), 2)
    assert found > least if least else 0.4 < found < 0.6


@pytest.mark.parametrize("name", READERS)
def test_noise_is_read_by_none(name, codes):
    rng = np.random.default_rng(1)
    assert accuracy(READERS[name], codes, rng.integers(0, 4, 1600), 4) == pytest.approx(0.25, abs=0.07)
    assert r2(READERS[name], codes, rng.normal(size=1600)) < 0.1


@pytest.mark.parametrize("name", READERS)
def test_the_same_answers_twice_and_none_from_the_global_generator(name, codes):
    known, at, _ = split(codes[:300], (codes[:300, 0] > 0).astype(np.int64), 2)
    state = torch.get_rng_state()
    one, two = READERS[name](known, at, 3), READERS[name](known, at, 3)
    assert torch.equal(one, two) and torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", READERS)
def test_hostile_codes(name):
    """Constant codes; more numbers than items; one item to answer for; a class without an item to learn from."""
    y = np.arange(40) % 2
    assert accuracy(READERS[name], np.zeros((40, 3)), y, 2) == 0.5
    assert 0 <= accuracy(READERS[name], np.random.default_rng(0).normal(size=(40, 200)), y, 3) <= 1
    known, at, _ = split(np.random.default_rng(0).normal(size=(40, 3)), y, 2)
    assert READERS[name](known, at[:1], 0).shape == (1, 2)


def test_ridge_is_scikit_learns():
    rng = np.random.default_rng(0)
    for d in (5, 60):
        x, y = rng.normal(size=(40, d)) + 3.0, rng.normal(size=40)
        for strength, (w, b) in zip(readers.STRENGTHS, ridge.path(torch.as_tensor(x), torch.as_tensor(y), readers.STRENGTHS), strict=True):
            theirs = Ridge(alpha=strength * 40).fit(x, y)
            assert np.allclose(w[:, 0], theirs.coef_, atol=1e-6) and float(b) == pytest.approx(theirs.intercept_, abs=1e-5)


def test_neighbours_are_scikit_learns():
    rng = np.random.default_rng(0)
    x, y, at = rng.normal(size=(50, 3)), rng.normal(size=50), rng.normal(size=(9, 3))
    ours = readers._near(torch.as_tensor(x), torch.as_tensor(y)[:, None], torch.as_tensor(at), [1, 5])[1][:, 0]
    assert np.allclose(ours, KNeighborsRegressor(5).fit(x, y).predict(at))
