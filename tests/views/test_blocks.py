"""Target blocks are blocks, the context is free of them, and every row has as many patches as the others."""

import pytest
import torch

from allegory.core import Dice, Misuse
from allegory.views import Blocks

B = 400


def shown(view, *shape):
    return view(torch.zeros(B, *shape), Dice.roll(0, 0, torch.arange(B)))


@pytest.mark.parametrize(
    ("shape", "patch", "grid", "block"),
    [
        ((1, 28, 28), 4, (7, 7), (3, 3)),  # 9 of 49: .184
        ((3, 32, 32), 4, (8, 8), (4, 3)),  # 12 of 64: .1875
        ((1, 8, 8), 1, (8, 8), (4, 3)),
        ((1, 8, 8), 2, (4, 4), (1, 1)),  # 2 x 2 four times would leave nothing
        ((1, 9, 20), 4, (3, 5), (1, 1)),  # 2 x 2 would leave nothing, 2 x 1 is too long
    ],
)
def test_sizes(shape, patch, grid, block):
    view = Blocks(patch)
    assert view.grid(shape) == grid
    assert view.block(*grid) == block
    n, m = grid[0] * grid[1], block[0] * block[1]
    x, context, targets = shown(view, *shape)
    assert x.shape[1:] == shape and context.shape == (B, n - 4 * m) and targets.shape == (B, 4, m)


def test_targets_are_rectangles_upright_or_lying_and_reach_every_corner():
    _, _, targets = shown(Blocks(1), 1, 8, 8)
    found, corners = set(), set()
    for block in targets.flatten(0, 1).tolist():
        rows, columns = {p // 8 for p in block}, {p % 8 for p in block}
        assert len(set(block)) == 12 == len(rows) * len(columns)
        assert max(rows) - min(rows) == len(rows) - 1 and max(columns) - min(columns) == len(columns) - 1
        found.add((len(rows), len(columns)))
        corners |= {p for p in (0, 7, 56, 63) if p in block}
    assert found == {(4, 3), (3, 4)}
    assert corners == {0, 7, 56, 63}


def test_the_context_has_no_patch_of_a_target_and_none_twice():
    _, context, targets = shown(Blocks(4), 1, 28, 28)
    seen = set()
    for row, blocks in zip(context.tolist(), targets.tolist(), strict=True):
        hidden = {p for block in blocks for p in block}
        assert len(set(row)) == 13 and not set(row) & hidden
        assert row == sorted(row)
        seen |= set(row)
    assert seen == set(range(49))


def test_free_patches_are_as_likely_as_one_another():
    """Where blocks overlap more than 13 patches are free; the first of them must not be preferred."""
    _, context, _ = shown(Blocks(4), 1, 28, 28)
    upper, lower = (context < 21).float().mean(), (context >= 28).float().mean()  # three rows each
    assert abs(float(upper - lower)) < 0.03  # 5200 draws of about .43: three standard errors


def test_what_leaves_nothing_is_said():
    with pytest.raises(Misuse, match="4 blocks leave too little of 2 x 2 patches; take fewer targets or smaller patches"):
        shown(Blocks(4), 1, 8, 8)
