"""Convolutions that look up only: what is known at a place follows from its row and the rows above it."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allegory.nets.init import he

BLOCKS = 3


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
        above = self.up(F.pad(wide, (0, 0, 1, 0)))  # a row of zeros on top, none below
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
