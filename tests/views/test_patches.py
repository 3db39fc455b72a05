"""Where patches lie, what they show, and the two puzzles made of them."""

from itertools import permutations

import numpy as np
import pytest
import torch

from allegory.core import Dice, Misuse
from allegory.views import Compose, Flip, Jigsaws, Noise, Patches, Puzzle, RelativePositions, WholeAndPatches
from allegory.views.patches import BESIDE, orders

PLAIN = Patches(grid=3, share=1.0, jitter=0.0, normalise=False)


def dice(n, seed=0):
    return Dice.roll(seed, 0, torch.arange(n))


def numbered(b, h, w, c=1):
    """Images in which a pixel says its row and column (100 row + column), a channel its number (10,000 each)."""
    row, column = torch.arange(h).view(-1, 1), torch.arange(w)
    return (100.0 * row + column + 10000.0 * torch.arange(c).view(-1, 1, 1)).expand(b, c, h, w)


def test_a_grid_that_tiles_puts_the_image_together_again():
    x = torch.randn(4, 2, 9, 12, generator=torch.Generator().manual_seed(0))
    patches = PLAIN(x, dice(4))
    assert patches.shape == (4, 9, 2, 3, 4)
    assert PLAIN.shape((2, 9, 12)) == (9, 2, 3, 4)
    for cell in range(9):
        top, left = 3 * (cell // 3), 4 * (cell % 3)
        assert torch.equal(patches[:, cell], x[:, :, top : top + 3, left : left + 4])
    assert torch.equal(PLAIN.still(x), patches)


def test_left_over_pixels_lie_between_the_cells():
    """8 pixels, 3 cells of 2: they begin at 0, 3 and 6."""
    corners = PLAIN(numbered(1, 8, 8), dice(1))[0, :, 0, 0, 0]
    assert corners.tolist() == [100 * top + left for top in (0, 3, 6) for left in (0, 3, 6)]


def test_patches_wander_in_their_cells_each_for_itself_and_each_place_is_as_likely():
    """Cells of 4, patches of round(.6 * 4) = 2: three places a side."""
    view = Patches(share=0.6, jitter=1.0, normalise=False)
    corners = view(numbered(3000, 12, 12), dice(3000))[:, :, 0, 0, 0].long()
    cell = torch.arange(9)
    down, right = corners // 100 - 4 * (cell // 3), corners % 100 - 4 * (cell % 3)
    for moved in (down, right):
        for place in range(3):
            assert ((moved == place).double().mean(0) - 1 / 3).abs().max() < 0.04
    assert ((down[:, 0] == down[:, 1]).double().mean() - 1 / 3).abs() < 0.04
    assert ((down == right).double().mean(0) - 1 / 3).abs().max() < 0.04
    still = view.still(numbered(1, 12, 12))[0, :, 0, 0, 0]
    assert still.tolist() == [100 * (4 * (c // 3) + 1) + 4 * (c % 3) + 1 for c in range(9)]


def test_normalised_patches_have_mean_0_and_deviation_1_in_every_channel_and_blank_ones_stay_blank():
    x = torch.randn(3, 2, 12, 12, generator=torch.Generator().manual_seed(0)) * 3 + 5
    x[0, :, :4, :4] = 0.7
    patches = Patches(share=1.0)(x, dice(3))
    assert patches.mean((3, 4)).abs().max() < 1e-5
    deviation = patches.square().mean((3, 4)).sqrt()
    assert deviation[0, 0].max() < 1e-4  # the mean of equal float32 numbers is not quite that number
    assert (deviation.flatten(0, 1)[1:] - 1).abs().max() < 1e-5


def test_faint_patches_are_not_blown_up():
    """Deviation .01, a fifth of the least that counts."""
    x = 0.3 + 0.01 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(1, 1, 4, 4)
    patches = Patches(grid=2, share=1.0)(x, dice(1))
    assert patches.abs().max().item() == pytest.approx(0.2, rel=1e-4)


def test_colour_is_dropped_but_for_one_channel_a_patch():
    x = torch.randn(500, 3, 12, 12, generator=torch.Generator().manual_seed(0)).double()
    kept, noisy = Patches(share=1.0, normalise=False), Patches(share=1.0, normalise=False, drop=True)
    whole, dropped = kept(x, dice(500)), noisy(x, dice(500))
    same = (whole == dropped).all(4).all(3)  # (b, v, c)
    assert (same.sum(2) == 1).all()
    assert (same.double().mean((0, 1)) - 1 / 3).abs().max() < 0.03
    rest, left = dropped[~same], whole[same].std((1, 2), correction=0).repeat_interleave(2)
    assert ((rest.square().mean((1, 2)).sqrt() / left).mean() - 0.01).abs() < 0.0005
    assert torch.equal(noisy(x[:, :1], dice(500)), kept(x[:, :1], dice(500)))


def test_the_orders_of_four_patches_are_all():
    assert {tuple(order) for order in orders(2, 24)} == set(permutations(range(4)))


def test_the_first_orders_are_as_far_apart_as_can_be():
    """Greedy: the second differs from the identity everywhere, and four orders of four patches form a Latin square."""
    chosen = orders(2, 4)
    assert chosen[0].tolist() == [0, 1, 2, 3]
    assert ((chosen[:, None] != chosen).sum(2) == 4 * (1 - np.eye(4))).all()


def test_the_set_of_orders_is_chosen_far_apart():
    """Any set of 64 has a mean distance of at most 9 (1 - 1/9) 64/63 = 8.127, of which the greedy one lacks little."""
    chosen = orders(3, 64)
    assert (np.sort(chosen, 1) == np.arange(9)).all()
    apart = (chosen[:, None] != chosen).sum(2)[np.triu_indices(64, 1)]
    assert apart.mean() > 8.12
    assert apart.min() >= 4
    drawn = np.array([np.random.default_rng(0).permuted(np.arange(9)) for _ in range(64)])
    assert (drawn[:, None] != drawn).sum(2)[np.triu_indices(64, 1)].mean() < 8.1


@pytest.mark.parametrize(("grid", "n"), [(1, 2), (4, 64), (2, 25), (3, 1)])
def test_what_cannot_be_a_jigsaw_is_refused(grid, n):
    with pytest.raises(Misuse, match="permutations"):
        orders(grid, n)


@pytest.mark.parametrize(("grid", "n"), [(2, 24), (3, 64), (3, 10)])
def test_the_answer_is_the_number_of_the_order(grid, n):
    view = Jigsaws(Patches(grid=grid, share=1.0, jitter=0.0, normalise=False), n)
    x = torch.randn(600, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    puzzle = view(x, dice(600))
    assert puzzle.answer.dtype == torch.int64
    assert set(puzzle.answer.tolist()) == set(range(n))
    in_order = view.patches.still(x)
    for i in range(600):
        assert torch.equal(puzzle.x[i], in_order[i][orders(grid, n)[puzzle.answer[i]]])
    assert view.shape((2, 6, 6)).x == puzzle.x.shape[1:]


def test_the_neighbour_lies_where_the_answer_says():
    """Up-left is 0, up 1, down-right 7; the middle is any inner cell of the grid."""
    view = RelativePositions(Patches(grid=4, share=1.0, jitter=0.0, normalise=False))
    puzzle = view(numbered(800, 16, 16), dice(800))
    assert puzzle.x.shape == (800, 2, 1, 4, 4)
    corner = puzzle.x[:, :, 0, 0, 0].long()
    row, column = corner // 100 // 4, corner % 100 // 4
    assert set(zip(row[:, 0].tolist(), column[:, 0].tolist(), strict=True)) == {(1, 1), (1, 2), (2, 1), (2, 2)}
    steps = torch.stack([row[:, 1] - row[:, 0], column[:, 1] - column[:, 0]], 1)
    assert torch.equal(steps, torch.tensor(BESIDE)[puzzle.answer])
    assert torch.bincount(puzzle.answer, minlength=8).min() > 70
    assert BESIDE[0] == (-1, -1)
    assert BESIDE[1] == (-1, 0)
    assert BESIDE[7] == (1, 1)


def test_a_grid_of_three_has_one_middle():
    view = RelativePositions(Patches(grid=3, share=1.0, jitter=0.0, normalise=False))
    assert set(view(numbered(50, 9, 9), dice(50)).x[:, 0, 0, 0, 0].tolist()) == {303.0}
    with pytest.raises(Misuse, match="at least 3"):
        RelativePositions(Patches(grid=2))(torch.zeros(1, 1, 8, 8), dice(1))


def test_images_too_small_for_the_grid_are_refused():
    with pytest.raises(Misuse, match="smaller grid"):
        Patches()(torch.zeros(1, 1, 2, 8), dice(1))


def test_a_puzzle_after_other_views():
    puzzle = Compose((Flip(p=1.0), Jigsaws(PLAIN, 2)))(numbered(20, 9, 9), dice(20))
    assert isinstance(puzzle, Puzzle)
    assert torch.equal(puzzle.x[puzzle.answer == 0][0], PLAIN.still(numbered(1, 9, 9).flip(3))[0])


def test_a_whole_and_the_patches_of_another_view_of_it():
    x = torch.randn(5, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    seen = WholeAndPatches(whole=Noise(0.1), puzzle=Jigsaws(PLAIN, 24))(x, dice(5))
    assert 0.05 < (seen.image - x).std() < 0.15
    assert torch.equal(seen.patches.flatten(1).sort(1).values, x.flatten(1).sort(1).values)
