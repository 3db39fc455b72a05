"""Convolutions that look up and back only: what is known at a place follows from its row, or the part of it so far, and the rows above."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from allegory.nets.init import he

BLOCKS = 3


def below(x: Float[Tensor, "b c h w"], rows: int) -> Float[Tensor, "b c tall w"]:
    """`x` with so many rows of zeros on top and none below: what looks at it sees no row that is still to come."""
    return F.pad(x, (0, 0, rows, 0))


class InOrder(nn.Conv2d):
    """A convolution over the `reach` pixels of a row up to this one, all of whose channels have a rank: at the pixel itself an output sees
    the inputs of lower rank, and of its own rank where `itself` (masks B and A of van den Oord et al. 2016). Not padded.

    `before`, `own`: the ranks of the input and output channels.
    """

    seen: Bool[Tensor, "p m 1 reach"]

    def __init__(self, before: Int[Tensor, " m"], own: Int[Tensor, " p"], reach: int = 1, itself: bool = True):
        super().__init__(len(before), len(own), (1, reach))
        seen = torch.ones(len(own), len(before), 1, reach, dtype=torch.bool)
        seen[..., -1] = (before <= own[:, None] if itself else before < own[:, None])[..., None]
        self.register_buffer("seen", seen, persistent=False)

    def forward(self, x: Float[Tensor, "b m h wide"]) -> Float[Tensor, "b p h w"]:
        return F.conv2d(x, self.weight * self.seen, self.bias)


class _Up(nn.Module):
    """x + body(x), with a receptive field of this row and the one above, three columns wide."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.narrow = nn.Conv2d(channels, width, 1)
        self.sideways = nn.Conv2d(width, width, (1, 3), padding=(0, 1))
        self.up = nn.Conv2d(width, width, (2, 1))
        self.widen = nn.Conv2d(width, channels, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        wide = self.sideways(self.narrow(x).relu())
        above = self.up(below(wide, 1))
        return x + self.widen(above.relu())


class RowsAbove(nn.Module):
    """The PixelCNN of CPC v2 (Henaff et al. 2020, appendix): (b, h, w, z) -> (b, h, w, out), row i from the rows 0 .. i.

    `blocks` residual blocks reach as many rows up. The last ReLU makes the context non-negative, as in the paper.
    """

    def __init__(self, size: int, out: int, blocks: int = BLOCKS):
        super().__init__()
        self.inward = nn.Conv2d(size, out, 1)
        self.blocks = nn.Sequential(*(_Up(out, max(8, out // 2)) for _ in range(blocks)))
        self.out = out
        he(self)

    def forward(self, z: Float[Tensor, "b h w z"]) -> Float[Tensor, "b h w out"]:
        return self.blocks(self.inward(z.permute(0, 3, 1, 2))).relu().permute(0, 2, 3, 1)
