"""Sinkhorn's codes and swapped prediction against sums written out, and against what one is tempted to write."""

import math

import pytest
import torch
from helpers.distributed import over_processes
from helpers.numbers import assert_other, assert_same, generic

from allegory.core import rank
from allegory.objectives import prototype_use, sinkhorn, swapped_prediction, target_sharpness

TAU = 0.3


def sinkhorn_by_loops(scores, eps, iterations, columns_first=True):
    """Caron et al. 2020, eq. 5 with the renormalisation vectors by turns: columns (prototypes) to 1/K, then rows (examples) to 1/n."""
    n, k = len(scores), len(scores[0])
    q = [[math.exp(scores[i][j] / eps) for j in range(k)] for i in range(n)]

    def columns():
        for j in range(k):
            total = sum(q[i][j] for i in range(n)) * k
            for i in range(n):
                q[i][j] /= total

    def rows():
        for i in range(n):
            total = sum(q[i]) * n
            q[i] = [v / total for v in q[i]]

    for _ in range(iterations):
        for turn in (columns, rows) if columns_first else (rows, columns):
            turn()
    return torch.tensor([[v * n for v in row] for row in q], dtype=torch.float64)


def swapped_by_loops(scores, codes, own=False, tau=TAU):
    """Eq. 2 for every pair of a coded view and another, averaged over the pairs and the batch."""
    losses = []
    for i, code in enumerate(codes):
        for v, view in enumerate(scores):
            if (v == i) != own:
                continue
            for q, s in zip(code, view, strict=True):
                below = sum(torch.exp(x / tau) for x in s)
                losses.append(-sum(q[k] * torch.log(torch.exp(s[k] / tau) / below) for k in range(len(s))))
    return sum(losses) / len(losses)


def test_two_items_by_hand():
    """exp(scores / eps) = [[4, 1], [2, 2]]. Columns to a half: [[1/3, 1/6], [1/6, 1/3]]; rows are then 2/3 and 1/3."""
    eps = 0.5
    scores = eps * torch.log(torch.tensor([[4.0, 1.0], [2.0, 2.0]], dtype=torch.float64))
    torch.testing.assert_close(sinkhorn(scores, eps, 1), torch.tensor([[2 / 3, 1 / 3], [1 / 3, 2 / 3]], dtype=torch.float64))
    # a softmax by rows alone would give both items to the first prototype, more or less
    assert float(sinkhorn(scores, eps, 0)[0, 0]) == pytest.approx(0.8)


@pytest.mark.parametrize(("eps", "iterations"), [(0.05, 3), (0.2, 1), (1.0, 5)])
def test_sinkhorn_against_loops(eps, iterations):
    scores = (generic(5, 4) * 0.5).detach()
    q, expected = sinkhorn(scores, eps, iterations), sinkhorn_by_loops(scores.tolist(), eps, iterations)
    torch.testing.assert_close(q, expected, rtol=1e-9, atol=1e-12)
    other = sinkhorn_by_loops(scores.tolist(), eps, iterations, columns_first=False)
    assert iterations == 5 or (q - other).abs().max() > 1e-3, "five soft iterations have settled, whichever came first"


def test_settled_codes_are_balanced():
    scores = (generic(8, 4) * 0.5).detach() + torch.tensor([2.0, 0.0, 0.0, 0.0])  # the first prototype is everybody's favourite
    q = sinkhorn(scores, 0.3, 200)
    torch.testing.assert_close(q.sum(1), torch.ones(8, dtype=torch.float64))
    torch.testing.assert_close(q.sum(0), torch.full((4,), 2.0, dtype=torch.float64), rtol=1e-6, atol=1e-6)
    assert (scores / 0.3).softmax(1).sum(0)[0] > 6, "without it they all go to the first"


def test_swapped_prediction_and_its_gradient():
    codes = [sinkhorn(generic(4, 3, seed=s), 0.5) for s in (5, 6)]
    assert_same(
        lambda *s: swapped_prediction(s, codes, TAU), lambda *s: swapped_by_loops(s, codes), *(generic(4, 3, seed=s) for s in range(4))
    )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda s, q: swapped_by_loops(s, q, own=True),  # a view predicts its own code
        lambda s, q: swapped_by_loops(s, q, tau=1 / TAU),
        lambda s, q: swapped_by_loops(s, q) * 2,  # a sum for a mean over the two directions
        lambda s, q: swapped_by_loops(s, [c.roll(1, 0) for c in q]),  # another example's code
        lambda s, q: swapped_by_loops(s, q[:1]),  # one direction only
    ],
)
def test_swapped_prediction_is_none_of_these(wrong):
    codes = [sinkhorn(generic(4, 3, seed=s).detach(), 0.5) for s in (5, 6)]
    assert_other(lambda *s: swapped_prediction(s, codes, TAU), lambda *s: wrong(s, codes), generic(4, 3), generic(4, 3, seed=1))


def test_the_codes_carry_no_gradient():
    assert not sinkhorn(generic(4, 3)).requires_grad


def test_use_and_sharpness_by_hand():
    q = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    assert float(prototype_use(q)) == pytest.approx(2 / 4)
    assert float(target_sharpness(q)) == pytest.approx(1.0)
    even = torch.full((3, 4), 0.25, dtype=torch.float64)
    assert float(prototype_use(even)) == pytest.approx(1.0)
    assert float(target_sharpness(even)) == pytest.approx(0.0, abs=1e-12)
    half = torch.tensor([[0.5, 0.5, 0.0, 0.0]], dtype=torch.float64)
    assert float(target_sharpness(half)) == pytest.approx(1 - math.log(2) / math.log(4))
    assert float(prototype_use(q[:1].repeat(5, 1))) == pytest.approx(1 / 4)


HOSTILE = {
    "duplicates": torch.ones(6, 3) * torch.tensor([0.9, -0.2, 0.5]),
    "zeros": torch.zeros(4, 3),
    "a batch of 2": torch.tensor([[0.3, 1.0, -1.0], [0.1, 0.0, 1.0]]),
    "scores of 1e4": generic(5, 3).detach().float() * 1e4,
    "one favourite": torch.tensor([[1e4, 0.0, 0.0]]).repeat(5, 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_finite_on_hostile_batches(name):
    scores = HOSTILE[name].clone().requires_grad_()
    q = sinkhorn(scores)
    torch.testing.assert_close(q.sum(1), torch.ones(len(q)), rtol=1e-5, atol=1e-5)
    loss = swapped_prediction([scores, scores.flip(0)], [q, q.flip(0)], 0.1)
    (g,) = torch.autograd.grad(loss, scores)
    for value in (loss, g, prototype_use(q), target_sharpness(q)):
        assert value.isfinite().all()


def own_codes(scores):
    """This process's half of the codes, and the use over both."""
    mine = torch.tensor(scores, dtype=torch.float64).chunk(2)[rank()]
    q = sinkhorn(mine, 0.3)
    return q, prototype_use(q), target_sharpness(q)


def test_two_processes_share_the_prototypes_of_one_batch():
    scores = (generic(6, 4) * 0.5).detach()
    q = sinkhorn(scores, 0.3)
    parts = over_processes(own_codes, scores.tolist())
    torch.testing.assert_close(torch.cat([torch.as_tensor(part) for part, _, _ in parts]), q, rtol=1e-12, atol=1e-12)
    assert (sinkhorn(scores[:3], 0.3) - q[:3]).abs().max() > 1e-2, "the halves alone give other codes"
    for _, use, sharpness in parts:
        assert (float(use), float(sharpness)) == pytest.approx((float(prototype_use(q)), float(target_sharpness(q))), abs=1e-12)
