"""Many classifiers on small draws by inner products: the same as each alone, by scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from allegory.questions import draws, logistic


def rows_of(n=120, d=60, k=4, seed=0, dtype=torch.float64):
    """Codes far from the origin, so that centring matters, with correlated features."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    z = (rng.normal(size=(n, d)) + 0.8 * rng.normal(size=(k, d))[y]) @ rng.normal(size=(d, d)) * 0.3 + 5.0
    return torch.as_tensor(z, dtype=dtype), torch.as_tensor(y)


def drawn(y, m=3, each=4, seed=0):
    rng = np.random.default_rng(seed)
    return torch.as_tensor(np.stack([np.concatenate([rng.permutation(np.flatnonzero(y == c))[:each] for c in range(4)]) for _ in range(m)]))


@pytest.mark.parametrize(("d", "each"), [(60, 4), (10, 8)], ids=["fewer rows than features", "more"])
@pytest.mark.parametrize("strength", [1.0, 0.01])
def test_the_scores_are_scikit_learns(d, each, strength):
    z, y = rows_of(d=d)
    index, at = drawn(y, each=each), torch.arange(30, 120)
    found = draws.logits(z, index, y[index], 4, at, strength, tolerance=1e-9)
    assert found.shape == (3, 90, 4)
    for rows, ours in zip(index, found, strict=True):
        model = LogisticRegression(C=1 / strength, tol=1e-10, max_iter=100_000).fit(z[rows].numpy(), y[rows].numpy())
        theirs = model.decision_function(z[at].numpy())
        ours = ours.numpy() - ours.numpy().mean(1, keepdims=True)
        assert np.abs(ours - (theirs - theirs.mean(1, keepdims=True))).max() < 1e-3 * np.abs(theirs).max()


def test_inner_products_and_weights_agree_and_so_does_float32():
    z, y = rows_of(n=200, d=90)
    index, at = drawn(y, m=5, each=8), torch.arange(200)
    exact = torch.stack([logistic.fit(z[r][None], y[r][None], 4, 1.0, 1e-10).logits(z[at])[0] for r in index])
    assert torch.allclose(draws.logits(z, index, y[index], 4, at, tolerance=1e-10), exact, atol=1e-6)
    single = draws.logits(z.float(), index, y[index], 4, at, tolerance=1e-6)
    assert single.dtype == torch.float32 and (single - exact).abs().max() < 1e-2 * exact.abs().max()


def test_many_queries_and_many_draws_in_pieces_are_the_same(monkeypatch):
    z, y = rows_of()
    index, at = drawn(y, m=7), torch.arange(120)
    whole = draws.logits(z, index, y[index], 4, at, tolerance=1e-10)
    monkeypatch.setattr(draws, "QUERIES", 13)
    monkeypatch.setattr(draws, "AT_ONCE", 2 * 16 * 16)
    assert torch.allclose(draws.logits(z, index, y[index], 4, at, tolerance=1e-10), whole, atol=1e-8)


def test_a_row_drawn_twice_and_constant_codes_do_no_harm():
    z, y = rows_of()
    index = torch.tensor([[0, 1, 2, 3, 0, 1]])
    alone = logistic.fit(z[index], y[index], 4, tolerance=1e-10).logits(z)
    assert torch.allclose(draws.logits(z, index, y[index], 4, torch.arange(120), tolerance=1e-10), alone, atol=1e-6)
    flat = draws.logits(torch.full((20, 30), 2.0), torch.tensor([[0, 1, 2]]), torch.tensor([[0, 1, 2]]), 3, torch.arange(20))
    assert torch.allclose(flat, torch.zeros(1, 20, 3), atol=1e-6)
