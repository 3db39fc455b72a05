"""2 - 2 cos against sums written out; the target gets no gradient."""

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import cosine_regression, negative_cosine


def by_loops(p, t):
    """|p/|p| - sg(t)/|t||^2 (Grill et al. 2020, eq. 2), entry by entry."""
    t = t.detach()
    rows = []
    for i in range(len(p)):
        lp, lt = torch.sqrt(sum(v * v for v in p[i])), torch.sqrt(sum(v * v for v in t[i]))
        rows.append(sum((a / lp - b / lt) ** 2 for a, b in zip(p[i], t[i], strict=True)))
    return torch.stack(rows)


def test_by_hand():
    # 60 degrees apart, whatever the lengths: 2 - 2 * 0.5 = 1
    assert float(cosine_regression(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.5, 0.75**0.5]]))) == pytest.approx(1.0, abs=1e-6)


def test_value_and_gradient():
    assert cosine_regression(generic(4, 3), generic(4, 3, seed=1)).shape == (4,)
    assert_same(cosine_regression, by_loops, generic(4, 3), generic(4, 3, seed=1))


def test_the_gradient_stops_at_the_target():
    p, t = generic(4, 3), generic(4, 3, seed=1)
    of_prediction, of_target = torch.autograd.grad(cosine_regression(p, t).sum(), (p, t), allow_unused=True)
    assert of_target is None
    assert of_prediction.norm() > 0.1


def test_it_is_not_the_plain_squared_error():
    assert_other(cosine_regression, lambda p, t: (p - t).square().sum(1), generic(4, 3), generic(4, 3, seed=1))


def test_the_negative_cosine_by_hand_and_by_loops():
    # 60 degrees apart: -1/2, whatever the lengths
    assert float(negative_cosine(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.5, 0.75**0.5]]))) == pytest.approx(-0.5, abs=1e-6)
    assert_same(negative_cosine, lambda p, t: by_loops(p, t) / 2 - 1, generic(4, 3), generic(4, 3, seed=1))


@pytest.mark.parametrize("f", [cosine_regression, negative_cosine])
@pytest.mark.parametrize("z", [torch.zeros(3, 2), torch.ones(4, 2), torch.ones(2, 2) * 1e4, torch.ones(2, 2) * 1e-30], ids=str)
def test_finite_on_hostile_batches(f, z):
    z = z.clone().requires_grad_()
    (g,) = torch.autograd.grad(f(z, z.roll(1, 0)).mean(), z)
    assert g.isfinite().all()
