"""The loss is taken on hidden patches only, against normalised targets, and the encoder sees the others only."""

import math

import pytest
import torch
from helpers.moments import batch, moment
from torch import nn

from allegory.core import Array, Misuse
from allegory.methods.pretext.mae import MAE, halves, whole_patches
from allegory.views import Masked, Masks


class Constant(nn.Module):
    """Paints every hidden patch with the same numbers, and remembers what it was told."""

    def __init__(self, numbers):
        super().__init__()
        self.numbers = nn.Parameter(torch.tensor(numbers, dtype=torch.float64))

    def forward(self, tokens, seen, asked):
        self.told = (tokens, seen, asked)
        return self.numbers.expand(*asked.shape, -1)


def small(**fields):
    """Images of 1 x 4 x 4 in 2 x 2 patches of 2 pixels a side."""
    method = MAE(**fields)
    torch.manual_seed(0)
    net = method.build(Array((1, 4, 4)), 4).double()
    net.body.patch, net.body.grid = 2, (2, 2)
    net.body.embed = nn.Conv2d(1, net.body.out, 2, 2).double()
    net.body.positions = nn.Parameter(net.body.positions[:, :5].detach().clone())
    net.decoder = Constant([1.0, 0.0, 0.0, -1.0])
    return method, net


def shown(x, hidden):
    """A picture with the named patches hidden."""
    mask = torch.zeros(len(x), 1, 4, 4, dtype=torch.bool)
    for i, row in enumerate(hidden):
        for p in row:
            mask[i, :, 2 * (p // 2) : 2 * (p // 2) + 2, 2 * (p % 2) : 2 * (p % 2) + 2] = True
    return Masked(x, mask)


def picture():
    """Patch 1 (top right) holds 1 2 / 3 4, patch 2 (bottom left) 0 0 / 0 8; the others are far from both."""
    x = torch.full((1, 1, 4, 4), 100.0).double()
    x[0, 0, :2, 2:] = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    x[0, 0, 2:, :2] = torch.tensor([[0.0, 0.0], [0.0, 8.0]])
    return x


def test_the_loss_by_hand():
    """Patch 1 less its mean 2.5 is -1.5 -.5 .5 1.5, its variance 5/3; patch 2 less 2 is -2 -2 -2 6, its variance 16."""
    method, net = small()
    (player,) = method.players(net)
    x = picture()
    s = math.sqrt(5 / 3 + 1e-6)
    first = (1 + 1.5 / s) ** 2 + (0.5 / s) ** 2 + (0.5 / s) ** 2 + (-1 - 1.5 / s) ** 2
    t = math.sqrt(16 + 1e-6)
    second = (1 + 2 / t) ** 2 + (2 / t) ** 2 + (2 / t) ** 2 + (-1 - 6 / t) ** 2
    loss = player.loss(batch(x, shown(x, [(1, 2)])), moment(1))
    assert loss.total.item() == pytest.approx((first + second) / 8, abs=1e-9)
    assert loss.terms["error"] is loss.total
    assert player.additive


def test_pixels_as_they_are_by_hand():
    method, net = small(normalised=False)
    (player,) = method.players(net)
    x = picture()
    loss = player.loss(batch(x, shown(x, [(1, 2)])), moment(1))
    assert loss.total.item() == pytest.approx((0 + 4 + 9 + 25 + 1 + 0 + 0 + 81) / 8, abs=1e-9)


def test_the_encoder_sees_the_other_patches_only():
    method, net = small()
    (player,) = method.players(net)
    x = picture()
    player.loss(batch(x, shown(x, [(1, 2)])), moment(1))
    tokens, seen, asked = net.decoder.told
    assert seen.tolist() == [[0, 3]] and asked.tolist() == [[1, 2]]
    assert tokens.shape == (1, 2, net.body.out)
    other = x.clone()
    other[0, 0, :2, 2:] = -5.0
    player.loss(batch(other, shown(other, [(1, 2)])), moment(1))
    assert torch.equal(net.decoder.told[0], tokens)
    other[0, 0, 0, 0] = -5.0
    player.loss(batch(other, shown(other, [(1, 2)])), moment(1))
    assert not torch.allclose(net.decoder.told[0], tokens)


def test_halves_keep_the_order_of_the_patches():
    seen, asked = halves(torch.tensor([[True, False, True, False, False], [False, False, False, True, True]]))
    assert seen.tolist() == [[1, 3, 4], [0, 1, 2]]
    assert asked.tolist() == [[0, 2], [3, 4]]


def test_three_quarters_of_the_nets_own_patches_are_hidden_by_default():
    spec = Array((3, 28, 28))
    method = MAE().resolved(spec, None)
    assert method.views == Masks(4, 0.75)
    masked = method.views(torch.zeros(2, 3, 28, 28), moment(2).dice)
    assert whole_patches(masked.mask, 4).sum(1).tolist() == [37, 37]  # of 49
    net = method.build(spec, 4)
    assert net.decoder.answer.out_features == 3 * 16


def test_single_pixels_are_painted_as_they_are():
    """Less its mean nothing of a pixel would be left, and its variance does not exist."""
    method = MAE(width=16).resolved(Array((1, 8, 8)), None)
    net = method.build(Array((1, 8, 8)), 4)
    (player,) = method.players(net)
    x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    loss = player.loss(batch(x, method.views(x, moment(3).dice)), moment(3)).total.item()
    assert 0.01 < loss < 1.0


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_number_of_channels(channels):
    spec = Array((channels, 12, 20))
    method = MAE(width=16).resolved(spec, None)
    net = method.build(spec, 4)
    x = torch.rand(2, channels, 12, 20, generator=torch.Generator().manual_seed(0))
    (player,) = method.players(net)
    assert player.loss(batch(x, method.views(x, moment(2).dice)), moment(2)).total.isfinite()
    assert method.encode(net, x).shape == (2, net.body.out)


def test_the_code_is_the_mean_of_all_patches():
    method, net = small()
    x = picture()
    torch.testing.assert_close(method.encode(net, x), net.body.tokens(x)[:, 1:].mean(1))


def test_what_does_not_fit_is_said():
    with pytest.raises(Misuse, match="hidden patches need a vision transformer"):
        MAE(encoder="convnet").resolved(Array((1, 28, 28)), None)
    with pytest.raises(Misuse, match="hides patches of 2 pixels, and 'vit-mini' reads patches of 4"):
        MAE(views=Masks(2)).build(Array((1, 28, 28)), 4)
