"""Pulls and pushes: by hand, as slopes of what they descend, by the grid beside all pairs, and the same at any number of threads."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.manifold import _t_sne as peer

from allegory.objectives import fuzzy, grid, repulsion
from allegory.objectives.attraction import Rows, student_pull
from allegory.objectives.sums import scattered, total

GOLDEN = json.loads((Path(__file__).parents[2] / "benchmarks/parity/umap.json").read_text())


def graph(n, e, seed=0):
    """A symmetric graph whose weights sum to 1, as edges ordered by (i, j) and as a matrix."""
    rng = np.random.default_rng(seed)
    w = np.zeros((n, n))
    w[rng.integers(0, n, e), rng.integers(0, n // 2, e)] = rng.uniform(0.1, 1.0, e)
    np.fill_diagonal(w, 0.0)
    w = w + w.T
    w /= w.sum()
    i, j = (torch.as_tensor(v) for v in w.nonzero())
    return i, j, torch.as_tensor(w[i, j]), w


def test_two_places_by_hand():
    """Places 0 and 2: q = 1 / 5, Z = 2 / 5; the pull of weight 1/2 on the first is .5 * 2 / 5 = .2, the push -2 / 25 / (2 / 5) = -.2."""
    y = torch.tensor([[0.0, 2.0], [0.0, 0.0]], dtype=torch.float64)
    rows = Rows.of(2, torch.tensor([0, 1]), torch.tensor([1, 0]), torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert rows.pull(y, student_pull)[0].tolist() == pytest.approx([0.2, -0.2])
    Z, push = repulsion.student_push(y)
    assert float(Z) == pytest.approx(0.4) and push[0].tolist() == pytest.approx([-0.2, 0.2])


@pytest.mark.parametrize("cells", [16, 1 << 17])
def test_the_force_is_the_slope_of_kl_and_scikit_learns(cells):
    n = 40
    i, j, w, whole = graph(n, 150)
    y = torch.as_tensor(np.random.default_rng(1).normal(size=(2, n))).requires_grad_()
    rows = Rows.of(n, i, j, w, cells)
    assert sorted(rows.order.tolist()) == list(range(n)) and (len(rows.blocks) > 3) == (cells == 16)
    square = (y[:, i] - y[:, j]).square().sum(0)
    every = 1.0 / (1.0 + (y[:, :, None] - y[:, None]).square().sum(0))
    kl = (w * (w.log() + (1.0 + square).log() + (every.sum() - n).log())).sum()
    (slope,) = torch.autograd.grad(kl, y)
    with torch.no_grad():
        force = rows.pull(y[:, rows.order], student_pull)[:, rows.order.argsort()] + repulsion.student_push(y)[1]
    torch.testing.assert_close(-4.0 * force, slope)  # equation 5 of the paper has the 4
    upper = whole[np.triu_indices(n, 1)]
    value, theirs = peer._kl_divergence(y.detach().T.numpy().ravel(), upper * 2 / whole.sum() / 2, 1.0, n, 2)
    np.testing.assert_allclose(theirs.reshape(n, 2).T, slope.numpy(), rtol=1e-6, atol=1e-9)
    assert value == pytest.approx(float(kl.detach()))


@pytest.mark.parametrize(("scale", "close"), [(1e-4, 1e-4), (1e-2, 1e-4), (1.0, 5e-3), (10.0, 3e-2)])
def test_the_grid_is_near_the_sum_over_all_pairs(scale, close):
    """From the first steps, where float32 has few digits for a slope, to a wide map, where few places are near and errors do not cancel."""
    y = scale * torch.as_tensor(np.random.default_rng(0).normal(size=(2, 1500)), dtype=torch.float32)
    Z, push = repulsion.student_push(y)
    sums, exact = repulsion.student_sums(y.double(), y.double())
    assert float(Z) == pytest.approx(float(sums.sum()) - 1500, rel=close)
    exact = exact / (sums.sum() - 1500)
    assert float((push - exact).norm() / exact.norm()) < close


def test_a_field_judges_places_that_are_not_its_own():
    y = 5.0 * torch.as_tensor(np.random.default_rng(0).normal(size=(2, 3000)))
    new = torch.tensor([[0.1, 3.0], [0.2, -4.0]], dtype=torch.float64)
    value, slope = grid.field(y).at(new)
    sums, push = repulsion.student_sums(new, y)
    torch.testing.assert_close(value, sums, rtol=1e-3, atol=0.0)
    assert float((slope + 2.0 * push).norm() / push.norm()) < 0.02
    assert torch.equal(grid.field(y).at(new[:, :1])[0], value[:1])


def test_sums_are_the_same_for_any_number_of_threads():
    rng = np.random.default_rng(0)
    i, j, w, _ = graph(700, 60_000)
    y = torch.as_tensor(rng.normal(size=(2, 90_000)), dtype=torch.float32) * 20
    rows, before, found = Rows.of(700, i, j, w.float()), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            index = torch.zeros(90_000, dtype=torch.int64)
            found.append([rows.pull(y[:, :700], student_pull), *repulsion.student_push(y), total(y), scattered(1, index, y[0])])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_sums_are_sums():
    v = torch.arange(5000.0)
    assert float(total(v)) == 4999 * 5000 / 2
    assert scattered(3, torch.tensor([2, 0, 2]), torch.tensor([0.5, -1.25, 3.0])).tolist() == [-1.25, 0.0, 3.5]


@pytest.mark.parametrize("min_dist", GOLDEN["curves"])
def test_curves_are_umap_learns(min_dist):
    assert fuzzy.curve(float(min_dist), 1.0) == pytest.approx(GOLDEN["curves"][min_dist], rel=1e-4)


def test_pull_and_push_are_slopes_of_their_terms():
    """-log w and -log(1 - w) of two places, but for the .001 that keeps the push finite."""
    a, b = 1.5, 0.9
    d = torch.tensor([1.3, -0.4], dtype=torch.float64).requires_grad_()
    w = 1.0 / (1.0 + a * d.square().sum() ** b)
    (toward,) = torch.autograd.grad(-w.log(), d, retain_graph=True)
    (away,) = torch.autograd.grad(-(1.0 - w).log(), d)
    square = d.detach().square().sum()
    torch.testing.assert_close(d.detach() * fuzzy.pull(square, a, b), toward)
    torch.testing.assert_close(d.detach() * fuzzy.push(square, a, b) * (0.001 + square) / square, away)
    assert float(fuzzy.pull(torch.zeros(()), a, b)) == 0.0 and fuzzy.clipped(torch.tensor([9.0, -9.0])).tolist() == [4.0, -4.0]
