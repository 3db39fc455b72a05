"""Features of images that people made before networks learned them: histograms of gradients, and of colours.

**Histograms of oriented gradients** (Dalal and Triggs 2005, section 6): differences of neighbours to both sides, 0 at the edge, of the
channel with the steepest; in each cell of pixels a histogram of 9 directions between 0 and 180 degrees, weighted by steepness; blocks of
2 x 2 cells, at every place, are brought to unit length, cut at 0.2 and brought to unit length again. Directions are not shared out between
neighbouring bins, as in scikit-image's `hog`, which this agrees with. **Colour histogram** (Swain and Ballard 1991, section 3): the shares
of the pixels that fall into 4 x 4 x 4 boxes of three channels, or 16 levels of each channel where there are not three.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

DIRECTIONS, BLOCK, CUT, EPS = 9, 2, 0.2, 1e-5
MOST = 3072  # numbers of an item's gradients, as of the raw input


def features(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
    """Both, side by side, of images in [-1, 1]; a missing pixel is taken for the middle grey."""
    x = x.masked_fill(x.isnan(), 0.0)
    return torch.cat([gradients(x, cell_side(*x.shape[2:])), colours(x)], 1)


def cell_side(h: int, w: int) -> int:
    """Pixels a side of a cell: a quarter of the image's shorter side from 2 to 8, beyond 64 pixels an eighth; more for long images."""
    side = max(2, min(8, min(h, w) // 4), min(h, w) // 8)
    while _size(h // side, w // side) > MOST:
        side += 1
    return side


def _size(rows: int, columns: int) -> int:
    """How many numbers the blocks of this many cells have."""
    across, down = min(BLOCK, rows), min(BLOCK, columns)
    return (rows - across + 1) * (columns - down + 1) * across * down * DIRECTIONS if rows and columns else 0


def gradients(x: Float[Tensor, "b c h w"], side: int) -> Float[Tensor, "b d"]:
    """Histograms of oriented gradients with cells of `side` pixels; no numbers for images smaller than a cell."""
    rows, columns = x.shape[2] // side, x.shape[3] // side
    if not (rows and columns):
        return x.new_zeros(len(x), 0)
    down, across = torch.zeros_like(x), torch.zeros_like(x)
    down[:, :, 1:-1] = x[:, :, 2:] - x[:, :, :-2]
    across[:, :, :, 1:-1] = x[:, :, :, 2:] - x[:, :, :, :-2]
    steepness, steepest = torch.hypot(down, across).max(1, keepdim=True)  # (b, 1, h, w)
    angle = torch.atan2(down.gather(1, steepest), across.gather(1, steepest)).remainder(math.pi)
    direction = (angle * (DIRECTIONS / math.pi)).long().clamp(max=DIRECTIONS - 1)
    bins = torch.zeros(len(x), DIRECTIONS, *x.shape[2:], dtype=x.dtype, device=x.device).scatter_(1, direction, steepness)
    cells = torch.nn.functional.avg_pool2d(bins, side)[:, :, :rows, :columns]  # (b, 9, rows, columns)
    blocks = cells.unfold(2, min(BLOCK, rows), 1).unfold(3, min(BLOCK, columns), 1)  # (b, 9, block rows, block columns, 2, 2)
    blocks = blocks.permute(0, 2, 3, 4, 5, 1).flatten(3)
    return _unit(_unit(blocks).clamp(max=CUT)).flatten(1)


def _unit(v: Float[Tensor, "*n d"]) -> Float[Tensor, "*n d"]:
    return v / (v.square().sum(-1, keepdim=True) + EPS**2).sqrt()


def colours(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
    """The shares of the pixels of every box of colours."""
    boxes = 4 if x.shape[1] == 3 else 16
    level = ((x.flatten(2) + 1.0) * (boxes / 2.0)).long().clamp(0, boxes - 1)  # (b, c, places)
    if x.shape[1] == 3:
        level = (level * level.new_tensor([boxes * boxes, boxes, 1])[:, None]).sum(1, keepdim=True)
    size = boxes**3 if x.shape[1] == 3 else boxes
    shares = torch.zeros(*level.shape[:2], size, dtype=x.dtype, device=x.device)
    return shares.scatter_add_(2, level, torch.ones_like(level, dtype=x.dtype)).flatten(1) / level.shape[2]
