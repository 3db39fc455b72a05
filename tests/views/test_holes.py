"""Holes: how large, where, and what shape."""

import pytest
import torch

from allegory.core import Dice, Misuse
from allegory.views import Holes


def dice(n):
    return Dice.roll(0, 0, torch.arange(n))


def test_a_hole_in_the_centre_is_one_square_of_its_share():
    masked = Holes("centre", share=0.25)(torch.ones(2, 3, 8, 12), dice(2))
    assert masked.mask.shape == (2, 1, 8, 12)
    wanted = torch.zeros(8, 12, dtype=torch.bool)
    wanted[2:6, 3:9] = True
    assert torch.equal(masked.mask, wanted.expand(2, 1, 8, 12))
    assert torch.equal(masked.shown[:, 1] == 0, masked.mask[:, 0])


def test_blocks_are_squares_anywhere_that_may_overlap():
    mask = Holes("blocks", share=0.25, count=4)(torch.ones(400, 1, 16, 16), dice(400)).mask[:, 0]
    hidden = mask.flatten(1).sum(1)
    assert hidden.max() == 64  # four blocks of 4 x 4
    assert 16 <= hidden.min() < 64
    one = Holes("blocks", share=0.25, count=1)(torch.ones(400, 1, 16, 16), dice(400)).mask[:, 0]
    assert (one.flatten(1).sum(1) == 64).all()
    assert (one.any(1).sum(1) == 8).all()
    assert (one.any(2).sum(1) == 8).all()
    first = one.any(2).long().argmax(1)
    assert torch.bincount(first, minlength=9).min() > 20, "each of the 9 places is as likely as the others"


def test_regions_are_of_one_size_and_in_one_piece_more_or_less():
    mask = Holes("region", share=0.25)(torch.ones(200, 3, 32, 32), dice(200)).mask
    assert (mask.flatten(1).sum(1) == 256).all()
    assert (mask.float().mean((0, 1)) - 0.25).abs().max() < 0.15
    edges = (mask[..., 1:] != mask[..., :-1]).float().mean()
    assert edges < 0.15, "neighbours are hidden together; by chance alone .375 of the neighbours would differ"


def test_vectors_have_no_holes():
    with pytest.raises(Misuse, match="Masks or Split"):
        Holes()(torch.zeros(2, 6), dice(2))
