"""The softmax over instances and local aggregation against sums written out."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import instance_softmax, local_aggregation

TAU = 0.5
INDEX = torch.tensor([3, 0, 6, 1])
DRAWN = torch.tensor([2, 3, 5, 5, 0])
GROUPS = torch.tensor([[0, 0, 1, 1, 2, 2, 2], [0, 1, 1, 0, 2, 0, 2]])


def unit(v):
    return v / v.square().sum().sqrt()


def bank(n=7):
    z = generic(n, 3, seed=5).detach()
    return z / z.norm(dim=1, keepdim=True)


def softmax_by_loops(v, codes, tau=TAU, index=INDEX):
    """Wu et al. 2018, eq. 2: the negative logarithm of the probability of the own instance."""
    losses = []
    for i in range(len(v)):
        each = [torch.exp((unit(v[i]) * code).sum() / tau) for code in codes]
        losses.append(-torch.log(each[index[i]] / sum(each)))
    return torch.stack(losses)


def sampled_by_loops(v, codes, tau=TAU, index=INDEX, drawn=DRAWN):
    losses = []
    for i in range(len(v)):
        own = torch.exp((unit(v[i]) * codes[index[i]]).sum() / tau)
        others = [torch.exp((unit(v[i]) * codes[j]).sum() / tau) for j in drawn.tolist() if j != int(index[i])]
        losses.append(-torch.log(own / (own + (len(codes) - 1) * sum(others) / len(others))))
    return torch.stack(losses)


def test_the_instance_softmax_by_hand():
    """Bank at east, north and west, the view at 45 degrees is item 1; tau 1/sqrt 2: exponents 1, 1 and -1."""
    codes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    v = torch.tensor([[3.0, 3.0]], dtype=torch.float64)
    one = torch.tensor([1])
    assert instance_softmax(v, one, codes, 0.5**0.5).item() == pytest.approx(math.log(2 + math.exp(-2)), abs=1e-9)
    # of item 2 alone, twice for the two others: e^1 + 2 e^-1 below
    drawn = torch.tensor([2, 1])
    assert instance_softmax(v, one, codes, 0.5**0.5, drawn).item() == pytest.approx(math.log(1 + 2 * math.exp(-2)), abs=1e-9)


def test_the_instance_softmax_and_its_gradient():
    assert_same(lambda v: instance_softmax(v, INDEX, bank(), TAU), lambda v: softmax_by_loops(v, bank()), generic(4, 3))
    assert_same(lambda v: instance_softmax(v, INDEX, bank(), TAU, DRAWN), lambda v: sampled_by_loops(v, bank()), generic(4, 3))


def test_all_others_drawn_once_are_the_whole_sum():
    whole = torch.arange(7)
    assert_same(lambda v: instance_softmax(v, INDEX, bank(), TAU, whole), lambda v: softmax_by_loops(v, bank()), generic(4, 3))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda v: softmax_by_loops(v, bank()),  # the whole sum
        lambda v: softmax_by_loops(v, bank(), index=INDEX.flip(0)),  # another's instance
        lambda v: sampled_by_loops(v, bank(), 1 / TAU),  # multiplied by the temperature
        lambda v: sampled_by_loops(v, bank(), drawn=DRAWN[:4]),  # other draws
        lambda v: sampled_by_loops(v, bank(), index=INDEX.flip(0)),
    ],
)
def test_the_sampled_softmax_is_none_of_these(wrong):
    assert_other(lambda v: instance_softmax(v, INDEX, bank(), TAU, DRAWN), wrong, generic(4, 3))


def aggregation_by_loops(v, codes, groups=GROUPS, background=3, drawn=range(7), tau=TAU, agree=any):
    """Zhuang et al. 2019, eq. 1 to 3, item by item; the own item is in both sets."""
    losses = []
    for i, own in enumerate(INDEX.tolist()):
        p = {j: torch.exp((unit(v[i]) * codes[j]).sum() / tau) for j in {*drawn, own}}
        others = [j for j in drawn if j != own]
        near = sorted(others, key=lambda j: -float(p[j].detach()))[:background]
        close = [j for j in near if agree(bool(g[j] == g[own]) for g in groups)]
        inside, around = p[own] + sum(p[j] for j in close), p[own] + sum(p[j] for j in near)
        losses.append(-torch.log(inside / around))
    return torch.stack(losses)


def test_local_aggregation_by_hand():
    """View and item 0 at 0 degrees, others at 60, 90 and 180; tau 1/2: exponents 2; 1, 0, -2. Item 2 (90 degrees) shares a group.

    Of the two nearest: -log (e^2 + 1)/(e^2 + e + 1).
    """
    codes = torch.tensor([[1.0, 0.0], [0.5, 0.75**0.5], [0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    groups = torch.tensor([[0, 1, 0, 0], [0, 1, 2, 1]])
    v, zero = torch.tensor([[2.0, 0.0]], dtype=torch.float64), torch.tensor([0])
    e = math.e
    assert local_aggregation(v, zero, codes, groups, 0.5, 2).item() == pytest.approx(math.log((e**2 + e + 1) / (e**2 + 1)), abs=1e-9)
    drawn = torch.tensor([3, 1])
    expected = math.log((e**2 + e + e**-2) / (e**2 + e**-2))
    assert local_aggregation(v, zero, codes, groups, 0.5, 5, drawn).item() == pytest.approx(expected, abs=1e-9)


def test_local_aggregation_and_its_gradient():
    ours = lambda v: local_aggregation(v, INDEX, bank(), GROUPS, TAU, 3)
    assert_same(ours, lambda v: aggregation_by_loops(v, bank()), generic(4, 3))
    for wrong in (
        lambda v: aggregation_by_loops(v, bank(), background=2),
        lambda v: aggregation_by_loops(v, bank(), agree=all),  # close in every clustering for close in any
        lambda v: aggregation_by_loops(v, bank(), GROUPS[:1]),
        lambda v: aggregation_by_loops(v, bank(), tau=1 / TAU),
        lambda v: -aggregation_by_loops(v, bank()),
        lambda v: softmax_by_loops(v, bank()),
    ):
        assert_other(ours, wrong, generic(4, 3))
    drawn = torch.tensor([2, 4, 3, 5, 0])
    ours = lambda v: local_aggregation(v, INDEX, bank(), GROUPS, TAU, 3, drawn)
    assert_same(ours, lambda v: aggregation_by_loops(v, bank(), drawn=drawn.tolist()), generic(4, 3))


def test_with_one_group_there_is_nothing_to_gain_and_with_its_own_it_is_instance_recognition():
    v = generic(4, 3)
    one = torch.zeros(1, 7, dtype=torch.int64)
    assert local_aggregation(v, INDEX, bank(), one, TAU, 6).abs().max() < 1e-12
    alone = torch.arange(7)[None]
    assert_same(lambda v: local_aggregation(v, INDEX, bank(), alone, TAU, 6), lambda v: softmax_by_loops(v, bank()), v)


HOSTILE = {
    "zeros": torch.zeros(4, 3),
    "duplicates": torch.ones(4, 3),
    "huge": 1e4 * torch.eye(4, 3),
    "opposite": -bank().float()[INDEX],
}


@pytest.mark.parametrize("batch", HOSTILE)
@pytest.mark.parametrize("tau", [0.5, 0.01])
def test_hostile_batches_give_finite_values_and_gradients(batch, tau):
    v, codes = HOSTILE[batch].clone().requires_grad_(), bank().float()
    collapsed = codes[:1].expand(7, 3)
    for b in (codes, collapsed):
        for loss in (
            instance_softmax(v, INDEX, b, tau),
            instance_softmax(v, INDEX, b, tau, DRAWN),
            instance_softmax(v, INDEX, b, tau, INDEX[:1]),  # nothing drawn but the own item, for one of them
            local_aggregation(v, INDEX, b, GROUPS, tau, 3),
            local_aggregation(v, INDEX, b, GROUPS, tau, 3, INDEX[:1]),
        ):
            (gradient,) = torch.autograd.grad(loss.sum(), v)
            assert loss.isfinite().all()
            assert gradient.isfinite().all()
