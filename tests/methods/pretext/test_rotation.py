"""The puzzle's answer is the number of quarter turns, and the loss its cross-entropy."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.pretext.rotation import Rotation
from allegory.views import Puzzle, Rotations


def shown(x):
    return Rotation().resolved(Array((1, 4, 4)), None).views(x, moment(len(x)).dice)


def test_the_answer_says_how_often_the_picture_was_turned():
    x = torch.arange(16.0).view(1, 1, 4, 4).repeat(40, 1, 1, 1)
    puzzle = shown(x)
    assert isinstance(puzzle, Puzzle)
    assert set(puzzle.answer.tolist()) == {0, 1, 2, 3}
    for picture, answer in zip(puzzle.x, puzzle.answer, strict=True):
        assert torch.equal(torch.rot90(picture, -int(answer), (1, 2)), x[0])


def test_a_quarter_turn_is_anticlockwise():
    """A line along the top stands on the left after one turn; clockwise it would be on the right."""
    x = torch.zeros(40, 1, 4, 4)
    x[:, :, 0, :] = 1.0
    puzzle = shown(x)
    once = puzzle.x[puzzle.answer == 1][0, 0]
    assert once[:, 0].tolist() == [1.0] * 4
    assert once[:, 1:].sum() == 0.0
    assert isinstance(Rotation().resolved(Array((1, 4, 4)), None).views, Rotations)


def test_the_loss_by_hand():
    """Logits (log 5, 0, 0, 0): probabilities 5/8 and three times 1/8; the answers 0 and 2."""
    method = Rotation()
    net = method.build(Array((1, 2, 2)), 4).double()
    net.body, net.answer = nn.Flatten(), linear([[0.0] * 4] * 4, [math.log(5.0), 0.0, 0.0, 0.0])
    (player,) = method.players(net)
    x = torch.zeros(2, 1, 2, 2).double()
    loss = player.loss(batch(x, Puzzle(x, torch.tensor([0, 2]))), moment(2))
    assert loss.total.item() == pytest.approx(-(math.log(5 / 8) + math.log(1 / 8)) / 2, abs=1e-9)
    assert loss.terms["accuracy"].item() == 0.5


def test_the_code_is_that_of_the_picture_as_it_is():
    method = Rotation()
    net = method.build(Array((1, 2, 2)), 4).double()
    net.body = nn.Flatten()
    x = torch.arange(4.0).view(1, 1, 2, 2).double()
    assert method.encode(net, x).tolist() == [[0.0, 1.0, 2.0, 3.0]]
