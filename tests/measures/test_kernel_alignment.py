import math

import numpy as np
import pytest
import torch

from allegory.measures import kernel_alignment
from allegory.measures.kernel_alignment import biased_hsic, cka, unbiased_hsic


def column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def test_cka_by_hand():
    """x = (1, -1, 0, 0), y = (1, 0, -1, 0): K~ has -1 at (1, 2), L~ at (1, 3), and n (n - 3) = 4.

    tr(K~ L~) = 0, both sums are -2, 1^T K~ L~ 1 = (-1, -1, 0, 0).(-1, 0, -1, 0) = 1: HSIC_1 = (4/6 - 2/2) / 4 = -1/12.
    With itself: tr = 2, (2 + 4/6 - 2) / 4 = 1/6. CKA = -1/2. Biased: (x.y)^2 / (|x|^2 |y|^2) = 1/4.
    """
    x, y = column(1, -1, 0, 0), column(1, 0, -1, 0)
    assert unbiased_hsic(x, y) == pytest.approx(-1 / 12)
    assert unbiased_hsic(x, x) == pytest.approx(1 / 6)
    assert cka(x, y) == pytest.approx(-0.5)
    assert biased_hsic(x, y) == pytest.approx(1 / 9)
    assert cka(x, y, unbiased=False) == pytest.approx(0.25)


def by_definition(x, y):
    """Song et al.'s formula with n x n matrices."""
    n = len(x)
    k, m = (x @ x.T).fill_diagonal_(0), (y @ y.T).fill_diagonal_(0)
    return float((k * m).sum() + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k @ m).sum()) / (n * (n - 3))


@pytest.mark.parametrize(("n", "p", "q"), [(40, 3, 7), (12, 90, 2), (9, 600, 600)])
def test_unbiased_hsic_is_its_definition(n, p, q, monkeypatch):
    monkeypatch.setattr(kernel_alignment, "BLOCK", 5)
    rng = np.random.default_rng(0)
    x, y = torch.as_tensor(rng.normal(size=(n, p)) + 3.0), torch.as_tensor(rng.normal(size=(n, q)))
    y[:, 0] += x[:, 0]
    assert unbiased_hsic(x, y) == pytest.approx(by_definition(x, y), rel=1e-9, abs=1e-9)


def test_only_the_unbiased_one_gives_nothing_for_independent_features():
    """8 features, n = 32: the biased CKA is about 8 / (32 + 8) = .2."""
    rng = np.random.default_rng(1)
    draws = [torch.as_tensor(rng.normal(size=(2, 32, 8))) for _ in range(300)]
    biased = np.array([cka(x, y, unbiased=False) for x, y in draws])
    unbiased = np.array([cka(x, y) for x, y in draws])
    assert biased.mean() == pytest.approx(0.2, abs=0.02)
    assert abs(unbiased.mean()) < 4 * unbiased.std() / math.sqrt(300)


def test_what_cka_does_not_see_and_what_it_does():
    rng = np.random.default_rng(2)
    x = torch.as_tensor(rng.normal(size=(200, 5)) * [5, 4, 3, 2, 1])
    turn = torch.as_tensor(np.linalg.qr(rng.normal(size=(5, 5)))[0])
    assert cka(x, -2.0 * x @ turn + 7.0) == pytest.approx(1.0, abs=1e-12)
    assert cka(x, x / x.std(0)) < 0.9
    assert math.isnan(cka(x, torch.ones(200, 3)))
    with pytest.raises(ValueError, match="at least 4"):
        cka(x[:3], x[:3])
