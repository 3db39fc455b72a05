"""CPC on a series short enough for a hand, and what it sees of images, series and vectors."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory import nets, views
from allegory.core import Array, Misuse
from allegory.methods.contrastive.cpc import CPC

SOURCE = type("Source", (), {"mirror": False})()


class SumUp(nn.Module):
    """A summary of the past that adds it up."""

    def forward(self, z):
        return z.cumsum(1)


def net_of(method, predictions):
    """Windows of one number, z the number itself, c the sum so far, W_k as told."""
    net = method.build(Array((4,)), 2)
    net.body, net.latent, net.ar = nn.Flatten(), nn.Identity(), SumUp()
    net.W = nn.ModuleDict({str(k): linear([[w]]) for k, w in predictions.items()})
    return net


def test_the_loss_by_hand():
    """Two series 0 1 0 1 and 1 1 0 0; W_2 = 2 and W_3 = -1, the mean of both steps.

    Two ahead: the first series says 2 * 0 and 2 * 1 of its 0 and 1, the second 2 * 1 and 2 * 2 of its 0 and 0.
    Three ahead: the first says -1 * 0 of its last, 1; the second -1 * 1 of its last, 0. All numbers: four 0 and four 1.
    """
    method = CPC(window=1, stride=1, first=2, last=3)
    net = net_of(method, {2: 2.0, 3: -1.0})
    x = torch.tensor([[0.0, 1.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    (player,) = method.players(net)
    loss = player.loss(batch(x, net.windows.cut(x)), moment(2))
    below = lambda said: math.log(4 + 4 * math.exp(said))
    two = ((below(0) - 0) + (below(2) - 2) + (below(2) - 0) + (below(4) - 0)) / 4
    three = ((below(0) - 0) + (below(-1) - 0)) / 2
    assert loss.terms["nce_2"].item() == pytest.approx(two, abs=1e-12)
    assert loss.terms["nce_3"].item() == pytest.approx(three, abs=1e-12)
    assert loss.total.item() == pytest.approx((two + three) / 2, abs=1e-12)
    assert loss.terms["nce"].item() == loss.total.item()
    assert loss.total.item() == pytest.approx(2.5085407, abs=1e-7)


def test_the_code_is_the_mean_summary():
    method = CPC(window=1, stride=1)
    net = net_of(method, {2: 1.0})
    x = torch.tensor([[0.0, 1.0, 0.0, 1.0]], dtype=torch.float64)
    assert method.encode(net, x).tolist() == [[(0 + 1 + 1 + 2) / 4]]


@pytest.mark.parametrize(
    ("shape", "grid", "window", "steps", "summary"),
    [
        ((1, 8, 8), (3, 3), (1, 4, 4), ["2"], nets.RowsAbove),
        ((1, 28, 28), (6, 6), (1, 8, 8), ["2", "3", "4"], nets.RowsAbove),
        ((3, 32, 32), (7, 7), (3, 8, 8), ["2", "3", "4"], nets.RowsAbove),
        ((5, 96, 96), (7, 7), (5, 24, 24), ["2", "3", "4"], nets.RowsAbove),
        ((6,), (5, 1), (1, 2), ["2", "3", "4"], nets.DownColumns),
        ((1, 4096), (31, 1), (1, 256), ["2", "3", "4"], nets.DownColumns),
        ((2, 5), (4, 1), (2, 2), ["2", "3"], nets.DownColumns),
    ],
)
def test_windows_follow_the_data(shape, grid, window, steps, summary):
    method = CPC().resolved(Array(shape), SOURCE)
    assert isinstance(method.views, views.Windows)
    net = method.build(Array(shape), 4)
    x = torch.zeros(2, *shape)
    assert net.windows.cut(x).shape == method.views(x, moment(2).dice).shape == (2, *grid, *window)
    assert list(net.W) == steps and isinstance(net.ar, summary)
    assert not nets.has_batch_statistics(net), "one window would learn of the others"


def test_only_pixels_are_shown_in_another_light():
    assert CPC().default_views(Array((1, 28, 28)), SOURCE).view is not None
    assert CPC().default_views(Array((1, 400)), SOURCE).view is None


@pytest.mark.parametrize("shape", [(1, 3, 3), (1, 4, 9), (2,), (1, 2)])
def test_the_smallest_data_still_have_two_rows(shape):
    net = CPC().build(Array(shape), 4)
    assert net.windows.shape(shape)[0] >= 2 and next(iter(net.W)) == "1"


def test_data_without_a_second_row_are_refused():
    with pytest.raises(Misuse, match=r"has 1 of 8. Choose a smaller window"):
        CPC(window=8, stride=4).build(Array((1, 8, 8)), 4)
    with pytest.raises(Misuse, match=r"larger than 6"):
        CPC(window=8, stride=4).build(Array((6,)), 4)
