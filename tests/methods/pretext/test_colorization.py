"""Bins that cover the colours, and a loss that needs grey alone."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from helpers.observations import Observations
from torch import nn

from allegory.core import Array, Dice
from allegory.methods.pretext.colorization import Colorization, even_cover
from allegory.views import Coloured, Uncolour


def images(channels, n=64, side=8):
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def prepared(method, x):
    net = method.build(Array(tuple(x.shape[1:])), len(x))
    method.prepare(net, Observations(x), Dice.roll(0, -1, torch.empty(0, dtype=torch.int64)))
    return net


class Flat(nn.Module):
    """The same logits at the only place, whatever the code."""

    def __init__(self, logits):
        super().__init__()
        self.map = linear([[0.0]] * len(logits), logits)

    def forward(self, z):
        return self.map(z)[:, :, None, None]


def test_the_loss_by_hand():
    """Bins at 0 and 1 of a width of .5, weights 1 and 3; pictures of 2 x 2 whose mean lightness is .25 and 1, one place each.

    The first is spread 1 : e^-1 over the bins, and counts once; the second e^-2 : 1, and counts three times. The net says 1 : 4.
    """
    method = Colorization(bins=2)
    net = method.build(Array((1, 2, 2)), 4).double()
    net.centres.copy_(torch.tensor([[0.0], [1.0]]))
    net.width.copy_(torch.tensor(0.5))
    net.weight.copy_(torch.tensor([1.0, 3.0]))
    net.body, net.decoder = nn.Flatten(), Flat([0.0, math.log(4.0)])
    net.decoder.map = linear([[0.0] * 8] * 2, [0.0, math.log(4.0)])
    x = torch.tensor([[[[0.0, 0.5], [0.5, 0.0]]], [[[1.0, 1.0], [1.0, 1.0]]]]).double()
    (player,) = method.players(net)
    loss = player.loss(batch(x, Uncolour()(x, moment(2).dice)), moment(2))
    e1, e2 = math.exp(-1), math.exp(-2)
    first = (1 * math.log(5) + e1 * math.log(5 / 4)) / (1 + e1)
    second = 3 * (e2 * math.log(5) + 1 * math.log(5 / 4)) / (1 + e2)
    assert loss.total.item() == pytest.approx((first + second) / 2, abs=1e-9)
    assert loss.terms["error"] is loss.total


@pytest.mark.parametrize(("channels", "grey", "colours"), [(1, 2, 1), (3, 1, 2), (5, 1, 5)])
def test_it_reads_any_number_of_channels(channels, grey, colours):
    method, x = Colorization(bins=6), images(channels)
    net = prepared(method, x)
    assert net.centres.shape == (6, colours)
    shown = Uncolour()(x, moment(64).dice)
    assert shown.grey.shape == (64, grey, 8, 8)
    (player,) = method.players(net)
    assert player.loss(batch(x, shown), moment(64)).total.isfinite()
    assert method.encode(net, x).shape == (64, net.out)


def test_colour_is_not_seen():
    """Pictures of one lightness and other colours have one code."""
    method, x = Colorization(bins=4), images(5)
    net = prepared(method, x).eval()
    grey = x.mean(1, keepdim=True)
    torch.testing.assert_close(method.encode(net, x), method.encode(net, grey + 0.1 * (x - grey)), atol=1e-5, rtol=1e-4)
    shown = Coloured(grey, x - grey)
    assert torch.equal(method.shown(shown), grey)


def test_the_bins_cover_the_colours_and_rare_ones_weigh_more():
    """Nine of ten pictures are black, the others span the range: bins everywhere, and the bin of black has the least weight."""
    x = torch.full((500, 1, 4, 4), -1.0)
    x[::10] = torch.linspace(-1, 1, 50)[:, None, None, None]
    net = prepared(Colorization(bins=5), x)
    assert sorted(net.centres[:, 0].tolist()) == pytest.approx([-1.0, -0.5, 0.0, 0.5, 1.0], abs=0.15)
    assert net.weight.argmin() == net.centres[:, 0].argmin()
    assert net.weight.max() > 3 * net.weight.min()
    assert net.width.item() == pytest.approx(0.25, abs=0.05)


def test_the_cover_by_hand():
    """From the middle, 3, first the far end, 9, then the near one, 0; then the largest gap is that between 3 and 9."""
    points = torch.tensor([[0.0], [1.0], [3.0], [5.0], [9.0], [3.1]])
    assert even_cover(points, 4)[:, 0].tolist() == pytest.approx([3.1, 9.0, 0.0, 5.0])


def test_pictures_of_one_colour_are_no_harm():
    x = torch.zeros(16, 3, 8, 8)
    net = prepared(Colorization(bins=4), x)
    (player,) = Colorization(bins=4).players(net)
    assert player.loss(batch(x, Uncolour()(x, moment(16).dice)), moment(16)).total.isfinite()
