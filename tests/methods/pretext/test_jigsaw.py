"""The puzzle's answer is the number of the order; one encoder sees every patch alone; the loss by hand."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.pretext.jigsaw import Jigsaw
from allegory.views import Jigsaws, Patches, Puzzle
from allegory.views.patches import orders

SPEC = Array((1, 4, 4))
METHOD = Jigsaw(grid=2, permutations=24, share=1.0, jitter=0.0, normalise=False)


def net_of(method, weight, bias):
    """The encoder is the mean of a patch's pixels, the answer linear in the four means."""
    net = method.build(SPEC, 4).double()
    net.body, net.answer = nn.Sequential(nn.AvgPool2d(2), nn.Flatten()), linear(weight, bias)
    return net


def test_the_fields_are_those_of_the_view():
    view = Jigsaw(grid=2, permutations=10, share=0.5, jitter=0.2, normalise=False).resolved(SPEC, None).views
    assert view == Jigsaws(Patches(2, 0.5, 0.2, False), 10)
    assert Jigsaw().resolved(SPEC, None).views == Jigsaws(Patches(3), 64)


def test_the_loss_by_hand():
    """Patches of mean 0, log 2, log 3, log 4; the answer's net takes the second and third place as logits 0 and 1, and 0 for the rest.

    In the order (0, 1, 2, 3): logits log 2, log 3, 22 zeros, so p = (2, 3, 1, ..., 1) / 27. In the order (3, 2, 1, 0), number k, not 0 or
    1: logits log 3, log 2, zeros: p_k = 1/27. A sum of both in place of their mean, or the order inverted, gives another number.
    """
    weight = [[0.0] * 4 for _ in range(24)]
    weight[0][1] = weight[1][2] = 1.0
    (player,) = METHOD.players(net := net_of(METHOD, weight, [0.0] * 24))
    patches = torch.tensor([0.0, math.log(2), math.log(3), math.log(4)], dtype=torch.float64).view(4, 1, 1, 1).expand(4, 1, 2, 2)
    back = orders(2, 24).tolist().index([3, 2, 1, 0])
    assert back > 1
    puzzle = Puzzle(torch.stack([patches, patches.flip(0)]), torch.tensor([0, back]))
    loss = player.loss(batch(puzzle.x, puzzle), moment(2))
    assert loss.total.item() == pytest.approx(-(math.log(2 / 27) + math.log(1 / 27)) / 2, abs=1e-9)
    assert loss.terms["cross_entropy"] is loss.total
    assert loss.terms["accuracy"].item() == 0.0
    assert net.codes(puzzle.x)[1].tolist() == pytest.approx([math.log(4), math.log(3), math.log(2), 0.0])


def test_the_network_is_free_of_context():
    """The code of a patch is the same beside whichever other patches, and in every place."""
    method = Jigsaw(encoder="convnet-group")
    net = method.build(Array((3, 12, 12)), 4)
    x = torch.randn(2, 9, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    assert method.patches.shape((3, 12, 12)) == (9, 3, 3, 3)
    alone = net.codes(x[:, :1].expand(-1, 9, -1, -1, -1)).view(2, 9, -1)
    whole = net.codes(x).view(2, 9, -1)
    torch.testing.assert_close(alone[:, 5], whole[:, 0])
    torch.testing.assert_close(net.codes(x.flip(1)).view(2, 9, -1).flip(1), whole)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_channels_and_sides(channels):
    method = Jigsaw()
    spec = Array((channels, 8, 13))
    net = method.build(spec, 4)
    x = torch.randn(4, *spec.shape, generator=torch.Generator().manual_seed(0))
    views = method.resolved(spec, None).views(x, moment(4).dice)
    (player,) = method.players(net)
    assert player.loss(batch(x, views), moment(4)).total.isfinite()
    assert method.encode(net.eval(), x).shape[0] == 4


def test_the_code_is_that_of_the_patches_in_their_places_undisturbed():
    x = torch.arange(16.0).view(1, 1, 4, 4).double()
    net = net_of(METHOD, [[0.0] * 4] * 24, [0.0] * 24)
    assert METHOD.encode(net, x).tolist() == [[2.5, 4.5, 10.5, 12.5]]
