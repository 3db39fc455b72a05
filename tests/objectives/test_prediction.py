"""Predictions some steps ahead, against sums written out over every place of every example."""

import math

import pytest
import torch
from helpers.distributed import over_processes
from helpers.numbers import assert_other, assert_same, generic

from allegory.core import rank
from allegory.objectives import told_ahead

B, H, W, Z = 3, 4, 2, 3


def by_loops(p, z, k, target=lambda b, i, j, k: (b, i + k, j), queried=lambda h, k: range(h - k), scale=1.0, others=lambda b, of: True):
    """van den Oord et al. 2018, eq. 4 with eq. 3, term by term: one value an example."""
    n, h, w, _ = z.shape
    values = []
    for b in range(n):
        losses = []
        for i in queried(h, k):
            for j in range(w):
                score = lambda at, b=b, i=i, j=j: torch.exp(scale * (p[b, i, j] * z[at]).sum())
                below = sum(score((o, r, c)) for o in range(n) if others(b, o) for r in range(h) for c in range(w))
                losses.append(-torch.log(score(target(b, i, j, k)) / below))
        values.append(sum(losses) / len(losses))
    return torch.stack(values)


def inputs():
    return generic(B, H, W, Z), generic(B, H, W, Z, seed=1)


def test_by_hand():
    """Two examples of two rows, z in one dimension: example 0 has z = 0, 1 and example 1 has z = 2, 3; predictions 1 and 2.

    Example 0 says 1 for its row 1: scores 0, 1, 2, 3 of which 1 is right. Example 1 says 2: scores 0, 2, 4, 6 of which 6 is right.
    """
    z = torch.tensor([[0.0, 1.0], [2.0, 3.0]], dtype=torch.float64).view(2, 2, 1, 1)
    p = torch.tensor([[1.0, -50.0], [2.0, 70.0]], dtype=torch.float64).view(2, 2, 1, 1)  # what the last row says is asked by nobody
    e = math.exp
    first = -1 + math.log(e(0) + e(1) + e(2) + e(3))
    second = -6 + math.log(e(0) + e(2) + e(4) + e(6))
    assert (first, second) == pytest.approx((2.4401897, 0.1450779), abs=1e-7)
    losses, hits = told_ahead(p, z, 1)
    assert losses.tolist() == pytest.approx([first, second], abs=1e-12)
    assert hits.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_value_and_gradient(k):
    p, z = inputs()
    assert told_ahead(p, z, k)[0].shape == (B,)
    assert_same(lambda p, z: told_ahead(p, z, k)[0], lambda p, z: by_loops(p, z, k), p, z)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p, z: by_loops(p, z, 1),  # another step
        lambda p, z: by_loops(p, z, 2, target=lambda b, i, j, k: (b, i, j)),  # the place itself, not what lies ahead
        lambda p, z: by_loops(p, z, 2, target=lambda b, i, j, k: (b, i - k, j), queried=lambda h, k: range(k, h)),  # backwards
        lambda p, z: by_loops(p.transpose(1, 2), z.transpose(1, 2), 1),  # along the columns
        lambda p, z: by_loops(p, z, 2, scale=-1.0),  # the sign
        lambda p, z: by_loops(p, z, 2, scale=Z**-0.5),  # scaled scores
        lambda p, z: by_loops(p, z, 2, others=lambda b, o: b == o),  # only the own example's places as negatives
        lambda p, z: by_loops(p, z, 2) * (H - 2) * W,  # a sum over places
        lambda p, z: by_loops(z, p, 2),  # prediction and target swapped
        lambda p, z: by_loops(p.roll(1, 0), z, 2),  # another example's
    ],
)
def test_it_is_none_of_these(wrong):
    assert_other(lambda p, z: told_ahead(p, z, 2)[0], wrong, *inputs())


def test_accuracy_counts_the_right_places():
    z = torch.eye(B * H * W, dtype=torch.float64).view(B, H, W, -1)
    ahead = torch.zeros_like(z)
    ahead[:, :-1] = z[:, 1:]
    assert told_ahead(ahead, z, 1)[1].tolist() == [1.0] * B
    ahead[0, 0, 0] = z[1, 1, 0]  # one of the 6 predictions of example 0 names another example's place
    assert told_ahead(ahead, z, 1)[1].tolist() == pytest.approx([5 / 6, 1.0, 1.0])


HOSTILE = {
    "zeros": torch.zeros(2, 3, 2, 4),
    "one code": torch.ones(2, 3, 2, 4),
    "huge": 1e4 * torch.randn(2, 3, 2, 4, generator=torch.Generator().manual_seed(0)),
    "duplicates": torch.randn(1, 3, 2, 4, generator=torch.Generator().manual_seed(0)).repeat(2, 1, 1, 1),
}


@pytest.mark.parametrize("z", HOSTILE.values(), ids=HOSTILE)
def test_it_stays_finite(z):
    p, z = z.clone().requires_grad_(), z.clone().requires_grad_()
    losses, hits = told_ahead(p, z, 1)
    grads = torch.autograd.grad(losses.sum(), [p, z])
    assert losses.isfinite().all() and all(g.isfinite().all() for g in grads)
    assert ((hits >= 0) & (hits <= 1)).all()


def own_part():
    p, z = (generic(4, H, W, Z, seed=s).detach() for s in (0, 1))
    mine = slice(2 * rank(), 2 * rank() + 2)
    return told_ahead(p[mine], z[mine], 2)[0]


def test_two_processes_hold_the_losses_of_one():
    p, z = (generic(4, H, W, Z, seed=s).detach() for s in (0, 1))
    halves = over_processes(own_part)
    torch.testing.assert_close(torch.cat([torch.as_tensor(half) for half in halves]), told_ahead(p, z, 2)[0], rtol=1e-12, atol=0)
