import math

import numpy as np
import pytest
import torch

from allegory import measures
from allegory.measures import retrieval as module
from allegory.measures.retrieval import chance, precision_at_1, retrieval

LINE = torch.tensor([[0.0], [1.0], [5.0], [1.5], [6.0], [100.0]], dtype=torch.float64)
CLASSES = torch.tensor([0, 0, 0, 1, 1, 2])


def by_definition(z, y):
    """One query after the other, in the words of the paper."""
    rows = []
    for i in range(len(z)):
        nearest = sorted((j for j in range(len(z)) if j != i), key=lambda j: float((z[i] - z[j]).square().sum()))
        right = [bool(y[j] == y[i]) for j in nearest]
        R = sum(right)
        if R == 0:
            rows.append((math.nan,) * 3)
            continue
        ap = sum(sum(right[: k + 1]) / (k + 1) for k in range(R) if right[k]) / R
        rows.append((float(right[0]), sum(right[:R]) / R, ap))
    return torch.tensor(rows, dtype=torch.float64).T


def test_by_hand():
    """Of the item at 0 the two nearest are of its class and not: [1, 0]. At 1: [0, 1], at 5: [0, 0]. The item at 100 is alone."""
    got = retrieval(LINE, CLASSES)
    assert got.first[:5].tolist() == [1, 0, 0, 0, 0]
    assert got.r_precision[:5].tolist() == [0.5, 0.5, 0, 0, 0]
    assert got.map_at_r[:5].tolist() == pytest.approx([1 / 2, (1 / 2) / 2, 0, 0, 0])
    assert all(math.isnan(column[5]) for column in (got.first, got.r_precision, got.map_at_r))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("block", [1 << 22, 300])
def test_is_the_definition_with_classes_of_all_sizes(block, dtype, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)  # 300: three queries at once, so that blocks cut classes
    rng = np.random.default_rng(0)
    y = torch.as_tensor(np.repeat([3, 0, 5, 2, 1], [1, 40, 2, 30, 27]))[rng.permutation(100)]
    z = torch.as_tensor(rng.normal(size=(100, 3)) + 0.8 * y[:, None].numpy() + 50.0, dtype=dtype)
    got, expected = retrieval(z, y), by_definition(z.double(), y)
    for ours, theirs in zip((got.first, got.r_precision, got.map_at_r), expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-6, atol=1e-6, equal_nan=True)  # sums of float32 ranks
    torch.testing.assert_close(precision_at_1(z, y).double(), expected[0], equal_nan=True)


def test_a_perfect_code_and_its_nearest_rival():
    y = torch.arange(4).repeat_interleave(25)
    z = torch.eye(4)[y] + 0.01 * torch.as_tensor(np.random.default_rng(0).normal(size=(100, 4)), dtype=torch.float32)
    assert [float(v.mean()) for v in vars(retrieval(z, y)).values()] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("collapsed", [torch.full((400, 3), 7.3), torch.zeros(400, 1)])
def test_a_collapsed_code_gets_what_chance_gives(collapsed):
    y = torch.arange(400) % 4
    got = retrieval(collapsed, y)
    assert chance(y) == pytest.approx(99 / 399)
    assert float(got.r_precision.mean()) == pytest.approx(chance(y), abs=0.08)  # all queries see one order: that of 100 drawn items
    assert float(got.map_at_r.mean()) < 0.15


def test_chance_by_hand_leaves_lone_items_out():
    assert chance(CLASSES) == pytest.approx((3 * 2 + 2 * 1) / 5 / 5)


def test_all_alone():
    got = retrieval(torch.eye(3), torch.arange(3))
    assert torch.isnan(got.map_at_r).all() and math.isnan(chance(torch.arange(3)))


def test_cosine_is_the_sphere():
    """By distance the other class is nearest to items 0 and 2; by angle each has its own."""
    z, y = torch.tensor([[1.0, 0.1], [90.0, 0.0], [0.0, 1.0], [1.0, 9.0]]), torch.tensor([0, 0, 1, 1])
    assert retrieval(z, y).first.tolist() == [0, 1, 0, 1]
    assert retrieval(measures.on_sphere(z), y).first.tolist() == [1, 1, 1, 1]
