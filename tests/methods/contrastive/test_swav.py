"""SwAV on scores that are known, and its prototypes: of unit length, and still at first."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch.nn import functional as F

from allegory.core import Array
from allegory.methods.contrastive._joint import embedded
from allegory.methods.contrastive.swav import SwAV
from allegory.views import MultiCrop, Pair

EYE = [[1.0, 0.0], [0.0, 1.0]]


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def net_of(method):
    """f and g change no direction; two prototypes, along the axes."""
    net = method.build(Array((2,)), 4)
    net.body, net.head, net.c = linear(EYE), linear([[3.0, 0.0], [0.0, 3.0]]), linear(EYE)
    return net


def loss_of(method, *shown, progress=0.5):
    net = net_of(method)
    (player,) = method.players(net)
    return net, player.loss(batch(shown[0], shown), moment(len(shown[0]), progress))


def test_the_loss_by_hand():
    """Two items on the two axes, seen without change: by symmetry the codes stay as the softmax at eps, q = 1 / (1 + exp(-1/eps)).

    The other view is predicted at tau, p = 1 / (1 + exp(-1/tau)): -q log p - (1 - q) log(1 - p).
    """
    method = SwAV(eps=1.0, tau=0.5)
    _, loss = loss_of(method, at(0, 90), at(0, 90))
    q, p = 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-2))
    assert loss.total.item() == pytest.approx(-q * math.log(p) - (1 - q) * math.log(1 - p), abs=1e-9)
    assert loss.terms["prototype_use"].item() == pytest.approx(1.0)
    assert loss.terms["target_sharpness"].item() == pytest.approx(1 + (q * math.log(q) + (1 - q) * math.log(1 - q)) / math.log(2))


def test_a_view_is_told_from_the_other_and_never_from_itself():
    """Views that disagree: each alone would be predicted at once, from the other each is wrong."""
    method = SwAV(eps=0.05, tau=0.5)
    _, agree = loss_of(method, at(0, 90), at(0, 90))
    _, differ = loss_of(method, at(0, 90), at(90, 0))
    assert differ.total.item() == pytest.approx(agree.total.item() + 2.0, abs=1e-6)  # log p falls by 1 / tau


def test_further_views_only_predict():
    """A third view has no code: pairs (0, 1), (1, 0), (0, 2), (1, 2). At 45 degrees it predicts log 2."""
    method = SwAV(eps=0.05, tau=0.5)
    _, two = loss_of(method, at(0, 90), at(0, 90))
    _, three = loss_of(method, at(0, 90), at(0, 90), at(45, 45))
    assert three.total.item() == pytest.approx((two.total.item() * 2 + math.log(2) * 2) / 4, abs=1e-9)


def test_all_at_one_point_has_no_code_to_predict():
    """The even codes of items that are all alike are uniform: collapse costs log K, more than to tell the items apart."""
    method = SwAV(eps=0.05, tau=0.5)
    _, collapsed = loss_of(method, at(10, 10), at(10, 10))
    _, apart = loss_of(method, at(0, 90), at(0, 90))
    assert collapsed.terms["target_sharpness"].item() == pytest.approx(0.0, abs=1e-9)
    assert apart.total.item() < math.log(2) < collapsed.total.item()


def test_smaller_views_move_no_running_statistic():
    net = SwAV(projection=8, hidden=16, prototypes=4).build(Array((1, 8, 8)), 4)
    whole, part = torch.zeros(4, 1, 8, 8), torch.zeros(4, 1, 4, 4)
    assert embedded(net.train(), batch(whole, (whole, whole, part, part)), moment(4)).shape == (4, 4, 8)
    counts = [b.item() for name, b in net.named_buffers() if name.endswith("num_batches_tracked")]
    assert set(counts) == {2}


@pytest.mark.parametrize(("crops", "kind", "shown"), [(0, Pair, 2), (3, MultiCrop, 5)])
def test_crops_are_further_views(crops, kind, shown):
    source = type("Source", (), {"mirror": False})()
    views = SwAV(crops=crops).resolved(Array((1, 8, 8), levels=17), source).views
    assert isinstance(views, kind)
    assert len(views(torch.zeros(2, 1, 8, 8), moment(2).dice)) == shown


@pytest.mark.parametrize(("progress", "moves"), [(0.0, False), (0.09, False), (0.1, True)])
def test_the_prototypes_stand_still_at_first(progress, moves):
    net, loss = loss_of(SwAV(frozen=0.1), at(10, 80), at(20, 60), progress=progress)
    (g,) = torch.autograd.grad(loss.total, net.c.weight, allow_unused=True, materialize_grads=True, retain_graph=True)
    assert bool((g != 0).any()) == moves
    assert torch.autograd.grad(loss.total, net.body.weight)[0].norm() > 0


def test_the_prototypes_are_of_unit_length():
    method = SwAV()
    net = method.build(Array((1, 8, 8)), 4)
    torch.testing.assert_close(net.c.weight.norm(dim=1), torch.ones(method.prototypes))
    before = net.c.weight.detach().clone()
    with torch.no_grad():
        net.c.weight.mul_(3.0)
    method.after_step(net, moment(1), {"encoder": None})
    torch.testing.assert_close(net.c.weight.detach(), before)
    assert torch.equal(net.c.weight.detach(), F.normalize(before * 3.0, dim=1))
