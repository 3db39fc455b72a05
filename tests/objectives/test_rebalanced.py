"""Rebalanced classification against loops and numbers worked by hand."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import rebalanced_cross_entropy, rebalancing, smoothed, soft_bins

WEIGHT = torch.tensor([0.5, 1.0, 4.0]).double()
TARGET = torch.tensor([[[0.7, 0.0], [0.2, 0.4], [0.1, 0.6]], [[0.1, 0.2], [0.9, 0.5], [0.0, 0.3]]]).double()  # (2, 3 bins, 2 places)
SIGMA = torch.tensor(0.5).double()


def by_loops(logits, target=TARGET, weight=WEIGHT):
    """Zhang et al. 2016, eq. 2 and 3, place by place; the mean over places."""
    losses = []
    for i in range(len(logits)):
        total = 0.0
        for place in range(logits.shape[2]):
            below = sum(torch.exp(logits[i, q, place]) for q in range(3))
            largest = max(range(3), key=lambda q: float(target[i, q, place]))
            entropy = sum(target[i, q, place] * torch.log(torch.exp(logits[i, q, place]) / below) for q in range(3))
            total = total - weight[largest] * entropy
        losses.append(total / logits.shape[2])
    return torch.stack(losses)


def ours(logits):
    return rebalanced_cross_entropy(logits, TARGET, WEIGHT)


def test_value_and_gradient():
    assert_same(ours, by_loops, generic(2, 3, 2))
    flat = generic(2, 3, 2, 1)
    assert_same(lambda z: rebalanced_cross_entropy(z, TARGET[..., None], WEIGHT), lambda z: by_loops(z[..., 0]), flat)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda z: by_loops(z, weight=torch.ones(3).double()),  # no rebalancing
        lambda z: by_loops(z, weight=1 / WEIGHT),  # common colours made to count
        lambda z: -(TARGET * WEIGHT[:, None] * torch.log_softmax(z, 1)).sum(1).mean(1),  # a weight for each bin, not for the place
        lambda z: by_loops(z) * 2,  # the sum over places
        lambda z: -(rarity_of(z) * (TARGET * torch.log_softmax(z, 1)).sum(1)).mean(1),  # the weight of what was guessed
    ],
)
def test_it_is_none_of_these(wrong):
    assert_other(ours, wrong, generic(2, 3, 2))


def rarity_of(logits):
    return WEIGHT[logits.argmax(1)]


def test_the_weights_by_hand():
    """p = (.7, .2, .1), mix .5, 3 bins: 1 / (.35 + 1/6), 1 / (.1 + 1/6), 1 / (.05 + 1/6) = 1.93548, 3.75, 4.61538, over their mean
    under p, 1.35484 + .75 + .46154 = 2.56638. The mean under p is 1, not that over bins."""
    w = rebalancing(torch.tensor([0.7, 0.2, 0.1]).double(), 0.5)
    assert w.tolist() == pytest.approx([1.93548 / 2.56638, 3.75 / 2.56638, 4.61538 / 2.56638], abs=1e-5)
    assert rebalancing(torch.tensor([1.0, 0.0]), 0.5).isfinite().all(), "a colour that never occurs"
    assert rebalancing(torch.tensor([0.9, 0.1]).double(), 1.0).tolist() == pytest.approx([1.0, 1.0])


def test_smoothing_by_hand_keeps_the_sum():
    """Two bins a distance 1 apart, sigma .5: a bin gives its neighbour e^-2 for 1 that it keeps."""
    p = smoothed(torch.tensor([1.0, 0.0]).double(), torch.tensor([[0.0], [1.0]]).double(), SIGMA)
    e = math.exp(-2)
    assert p.tolist() == pytest.approx([1 / (1 + e), e / (1 + e)], abs=1e-12)
    uneven = torch.tensor([[0.0], [0.1], [3.0]]).double()
    assert smoothed(torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64), uneven, SIGMA).sum().item() == pytest.approx(1.0, abs=1e-12)


def test_soft_bins_by_hand():
    """At .25 between bins 0 and 1, sigma .5: distances^2 .0625 and .5625 over .5, so 1 to e^-1."""
    z = soft_bins(torch.tensor([[0.25]]).double(), torch.tensor([[0.0], [1.0]]).double(), SIGMA)
    e = math.exp(-1)
    assert z[0].tolist() == pytest.approx([1 / (1 + e), e / (1 + e)], abs=1e-9)


def test_only_the_five_nearest_bins_count():
    centres = torch.arange(7.0)[:, None].double()
    z = soft_bins(torch.tensor([[2.1]]).double(), centres, torch.tensor(10.0).double())[0]
    assert (z > 0).tolist() == [True] * 5 + [False] * 2
    assert z.argmax() == 2
    assert z.sum().item() == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_finite_on_hostile_batches(scale):
    """Huge and equal logits, and bins that are all one colour."""
    same = soft_bins(torch.zeros(4, 2), torch.zeros(3, 2), torch.tensor(1e-3)).view(2, 2, 3).movedim(2, 1)
    logits = (scale * torch.tensor([1.0, -1.0, 0.0])[:, None].expand(2, 3, 2)).clone().requires_grad_(True)
    loss = rebalanced_cross_entropy(logits, same, torch.ones(3))
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert loss.isfinite().all() and gradient.isfinite().all()
