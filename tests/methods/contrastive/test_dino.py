"""DINO on scores that are known: which views teach which, the centre's and the teacher's steps, and the statistics of small views."""

import math

import numpy as np
import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory import nets
from allegory.core import Array
from allegory.data import Intake, Items, Source
from allegory.methods.contrastive.dino import DINO


class Scores(nn.Module):
    """A net whose scores are the picture, times `by`."""

    def __init__(self, by):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by, dtype=torch.float64))

    def forward(self, x):
        return self.by * x


def by_hand(**fields):
    method = DINO(prototypes=2, tau_s=1.0, tau_t=0.5, **fields)
    net = method.build(Array((2,)), 4).double()
    net.student, net.teacher = Scores(1.0), Scores(2.0).requires_grad_(False)
    return method, net


def row(*numbers):
    return torch.tensor([numbers], dtype=torch.float64)


def test_the_loss_by_hand():
    """Two prototypes, so everything depends on the difference of two scores.

    Global views differ by log 3 and 0, a local one by log 7. The teacher doubles, the centre takes log 3 off, the temperature .5
    doubles: targets log 9 -> .9 and -log 9 -> .1. The student says 3/4, 1/2 and 7/8.
    """
    method, net = by_hand()
    net.centre.copy_(row(math.log(3), 0.0)[0])
    (player,) = method.players(net)
    shown = (row(math.log(3), 0.0), row(0.0, 0.0), row(math.log(7), 0.0))
    loss = player.loss(batch(shown[0], shown), moment(1))
    h = lambda p, q: -(p * math.log(q) + (1 - p) * math.log(1 - q))
    expected = (h(0.9, 1 / 2) + h(0.9, 7 / 8) + h(0.1, 3 / 4) + h(0.1, 7 / 8)) / 4
    assert loss.total.item() == pytest.approx(expected, abs=1e-9)
    assert loss.terms["cross_entropy"] is loss.total
    assert loss.terms["prototype_use"].item() == pytest.approx(1.0)  # .9 and .1 are even together
    assert loss.terms["target_sharpness"].item() == pytest.approx(1 - h(0.9, 0.9) / math.log(2), abs=1e-9)
    torch.testing.assert_close(loss.memo, row(math.log(3), 0.0))  # the mean of (2 log 3, 0) and (0, 0)


def test_the_gradient_stops_at_the_teacher():
    method, net = by_hand()
    net.teacher.requires_grad_(True)
    (player,) = method.players(net)
    shown = (row(1.0, 0.0), row(0.0, 0.5), row(3.0, 0.0))
    total = player.loss(batch(shown[0], shown), moment(1)).total
    assert torch.autograd.grad(total, net.teacher.by, allow_unused=True, retain_graph=True)[0] is None
    assert torch.autograd.grad(total, net.student.by)[0].abs() > 0.1
    assert player.modules == (net.student,)


@pytest.mark.parametrize(("progress", "keep"), [(0.0, 0.9), (0.5, 0.95), (1 / 3, 0.925), (1.0, 1.0)])
def test_one_step_of_teacher_and_centre_by_hand(progress, keep):
    """keep = 1 - .1 (cos(pi t) + 1) / 2; the centre goes from (1, 0) a fifth of the way to the mean (2, 4)."""
    method, net = by_hand(keep=0.9, m=0.8)
    net.centre.copy_(torch.tensor([1.0, 0.0]))
    method.after_step(net, moment(2, progress), {"student": torch.tensor([[1.0, 3.0], [3.0, 5.0]]).double()})
    assert net.teacher.by.item() == pytest.approx(keep * 2.0 + (1 - keep) * 1.0, abs=1e-9)
    torch.testing.assert_close(net.centre, torch.tensor([1.2, 0.8]).double())


def test_the_centre_begins_where_the_teachers_scores_are():
    """Standardised, the two items are (-1, 1) and (1, -1): mean 0. The teacher shifts them by (3, 3)."""
    method, net = by_hand()
    net.teacher = linear([[1.0, 0.0], [0.0, 2.0]], [3.0, 3.0]).requires_grad_(False)
    source = Source("two", Array((2,)), np.array([[1.0, 2.0], [3.0, 0.0]], dtype=np.float32))
    items = Items(source, Intake.fit(source, np.arange(2)), np.arange(2))
    method.prepare(net, items, moment(2).dice)
    torch.testing.assert_close(net.centre, torch.tensor([3.0, 3.0]).double())


def test_small_views_leave_the_running_statistics_alone():
    method = DINO(projection=16, hidden=16, prototypes=8, crops=2)
    net = method.build(Array((1, 8, 8)), 4)
    (player,) = method.players(net)
    assert not player.additive
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    wholes = (x, x.flip(3))
    means = lambda: [b.clone() for name, b in net.student.named_buffers() if name.endswith("running_mean")]
    net.student.train()
    kept = {k: v.clone() for k, v in net.state_dict().items()}
    player.loss(batch(x, (*wholes, torch.full((4, 1, 4, 4), 9.0))), moment(4))
    first = means()
    net.load_state_dict(kept)
    player.loss(batch(x, wholes), moment(4))
    assert all(torch.equal(a, b) for a, b in zip(first, means(), strict=True))
    assert not torch.equal(first[0], kept["student.projected.body.layers.1.running_mean"])


def test_a_transformer_reads_small_views_too():
    spec = Array((3, 28, 28))

    class Mirrored:
        mirror = True

    method = DINO(encoder="vit-mini", projection=16, hidden=16, prototypes=8, crops=2).resolved(spec, Mirrored())
    net = method.build(spec, 4)
    (player,) = method.players(net)
    assert player.additive
    x = torch.rand(2, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    shown = method.views(x, moment(2).dice)
    assert [v.shape[2] for v in shown] == [28, 28, 14, 14]
    assert player.loss(batch(x, shown), moment(2)).total.isfinite()


@pytest.mark.parametrize("channels", [1, 5])
def test_other_channels(channels):
    spec = Array((channels, 28, 28))

    class Upright:
        mirror = False

    method = DINO(projection=16, hidden=16, prototypes=8, crops=1).resolved(spec, Upright())
    net = method.build(spec, 4)
    x = torch.rand(3, channels, 28, 28, generator=torch.Generator().manual_seed(0))
    (player,) = method.players(net)
    assert player.loss(batch(x, method.views(x, moment(3).dice)), moment(3)).total.isfinite()
    assert method.encode(net, x).shape == (3, 128)


def test_prototypes_are_directions():
    """Scores are cosines: lengths of codes and of prototypes change nothing."""
    layer = nets.Prototypes(2, 2).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 0.0], [1.0, 1.0]]))
    z = torch.tensor([[0.0, 5.0], [-2.0, 0.0]]).double()
    expected = torch.tensor([[0.0, math.sqrt(0.5)], [-1.0, -math.sqrt(0.5)]]).double()
    torch.testing.assert_close(layer(z), expected)
    assert layer.bias is None
