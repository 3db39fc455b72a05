"""The second patch's side of the first is the answer, and the loss its cross-entropy."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.pretext.relative_position import RelativePosition
from allegory.views import Patches, Puzzle, RelativePositions

SPEC = Array((1, 6, 6))
METHOD = RelativePosition(grid=3, share=1.0, jitter=0.0, normalise=False)


def net_of(weight, bias):
    """The encoder is the mean of a patch's pixels, the answer linear in the two means."""
    net = METHOD.build(SPEC, 4).double()
    net.body, net.answer = nn.Sequential(nn.AvgPool2d(2), nn.Flatten()), linear(weight, bias)
    return net


def test_the_fields_are_those_of_the_view():
    view = RelativePosition(grid=5, share=0.5, jitter=0.2, normalise=False, drop=False).resolved(SPEC, None).views
    assert view == RelativePositions(Patches(5, 0.5, 0.2, False, False))
    assert RelativePosition().resolved(SPEC, None).views == RelativePositions()


def test_the_answer_is_the_side_of_the_neighbour():
    """Of a picture whose pixels say where they are, the middle patch begins at 22, up-left of it lies 0, right 24, down-right 44."""
    x = (10.0 * torch.arange(6.0).view(6, 1) + torch.arange(6.0)).expand(200, 1, 6, 6)
    puzzle = METHOD.resolved(SPEC, None).views(x, moment(200).dice)
    assert isinstance(puzzle, Puzzle)
    corners = puzzle.x[:, :, 0, 0, 0]
    assert (corners[:, 0] == 22).all()
    begins = torch.tensor([0.0, 2.0, 4.0, 20.0, 24.0, 40.0, 42.0, 44.0])
    assert torch.equal(corners[:, 1], begins[puzzle.answer])


def test_the_loss_by_hand():
    """Patches of mean log 2 and log 3: the logit of side 1 is the first, that of side 6 the second, the others are 0.

    So p_1 = 2/11, p_6 = 3/11 and 1/11 elsewhere. The answers are 6 and 0; swapped patches would give 2/11 for the former.
    """
    weight = [[0.0, 0.0] for _ in range(8)]
    weight[1], weight[6] = [1.0, 0.0], [0.0, 1.0]
    (player,) = METHOD.players(net_of(weight, [0.0] * 8))
    pair = torch.tensor([math.log(2), math.log(3)], dtype=torch.float64).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    puzzle = Puzzle(torch.stack([pair, pair]), torch.tensor([6, 0]))
    loss = player.loss(batch(puzzle.x, puzzle), moment(2))
    assert loss.total.item() == pytest.approx(-(math.log(3 / 11) + math.log(1 / 11)) / 2, abs=1e-9)
    assert loss.terms["accuracy"].item() == 0.5


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_channels_and_sides(channels):
    method = RelativePosition()
    spec = Array((channels, 8, 13))
    net = method.build(spec, 4)
    x = torch.randn(4, *spec.shape, generator=torch.Generator().manual_seed(0))
    views = method.resolved(spec, None).views(x, moment(4).dice)
    (player,) = method.players(net)
    assert player.loss(batch(x, views), moment(4)).total.isfinite()
    assert method.encode(net.eval(), x).shape[0] == 4


def test_the_code_is_that_of_all_patches_in_their_places_in_full_colour():
    method = RelativePosition(grid=3, share=1.0, normalise=False)
    net = method.build(Array((3, 6, 6)), 4)
    net.body = nn.Flatten()
    x = torch.arange(108.0).view(1, 3, 6, 6)
    assert torch.equal(method.encode(net, x), method.patches.still(x).reshape(1, -1))
    assert (method.encode(net, x).sort().values == x.flatten(1)).all()
