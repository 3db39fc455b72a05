import numpy as np
import pytest
import torch

from allegory.core import Dice, Misuse, tree
from allegory.views import Compose, Flip, Masks, Rotations


def dice(n):
    return Dice.roll(0, 0, torch.arange(n))


def test_rotations_are_numpys():
    x = torch.randn(400, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    puzzle = Rotations()(x, dice(400))
    assert puzzle.answer.shape == (400,)
    assert puzzle.answer.dtype == torch.int64
    for i in range(400):
        np.testing.assert_array_equal(puzzle.x[i].numpy(), np.rot90(x[i].numpy(), int(puzzle.answer[i]), (1, 2)))
    assert torch.bincount(puzzle.answer, minlength=4).min() > 70


def test_rotations_need_squares():
    with pytest.raises(Misuse, match="4 x 6"):
        Rotations()(torch.zeros(2, 1, 4, 6), dice(2))


def test_rotations_after_other_views_stay_a_puzzle():
    puzzle = Compose((Flip(), Rotations()))(torch.zeros(3, 1, 4, 4), dice(3))
    assert type(tree.take(puzzle, slice(0, 2))).__name__ == "Puzzle"


def test_masks_hide_whole_patches():
    x = torch.ones(300, 3, 8, 12)
    masked = Masks(patch=4, share=0.5)(x, dice(300))
    assert masked.mask.shape == (300, 1, 8, 12)
    grid = masked.mask[:, 0].view(300, 2, 4, 3, 4)
    assert (grid.amax((2, 4)) == grid.amin((2, 4))).all()
    patches = grid.amax((2, 4)).view(300, 6)
    assert (patches.sum(1) == 3).all()
    assert (patches.float().mean(0) - 0.5).abs().max() < 0.12
    assert torch.equal(masked.x, x)
    assert torch.equal(masked.shown[:, 1] == 0, masked.mask[:, 0])


def test_masks_of_vectors():
    masked = Masks(share=0.25)(torch.ones(50, 8), dice(50))
    assert masked.mask.shape == (50, 8)
    assert (masked.mask.sum(1) == 2).all()


def test_patches_must_tile():
    with pytest.raises(Misuse, match="5 x 5 do not tile"):
        Masks(patch=5)(torch.zeros(2, 1, 8, 8), dice(2))
