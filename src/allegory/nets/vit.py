"""The vision transformer (Dosovitskiy et al. 2021), in the sizes of DeiT (Touvron et al. 2021)."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory.nets.attention import Block
from allegory.nets.encoder import Encoder

GRID = 14


def patch_size(h: int, w: int, grid: int = GRID) -> int:
    """The smallest power of two by which the image has at most `grid` patches a side; for 14: 16 at 224 pixels, 8 at 64 and 96, 4 at 32,
    1 at 8."""
    return 2 ** max(0, math.ceil(math.log2(max(h, w) / grid)))


class ViT(Encoder):
    """(b, c, h, w) -> (b, out): the class token after the last norm. Sizes that patches do not divide are padded right and below.

    `sine`: the positions, which are learned, begin as sines and cosines, so that a short training knows where things are.
    """

    def __init__(self, shape: tuple[int, int, int], width: int, heads: int, depth: int = 12, grid: int = GRID, sine: bool = False):
        super().__init__()
        channels, h, w = shape
        self.patch = patch_size(h, w, grid)
        self.grid = self.grid_of(h, w)
        self.embed = nn.Conv2d(channels, width, self.patch, self.patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + math.prod(self.grid), width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.out = width
        small_weights(self)
        for p in (self.token, self.positions):
            nn.init.trunc_normal_(p, std=0.02)
        if sine:
            with torch.no_grad():
                self.positions[:, 1:] = sines(*self.grid, width)

    def grid_of(self, h: int, w: int) -> tuple[int, int]:
        """Rows and columns of patches of an image of h x w."""
        return math.ceil(h / self.patch), math.ceil(w / self.patch)

    def tokens(self, x: Float[Tensor, "b c h w"], kept: Int[Tensor, "b k"] | None = None) -> Float[Tensor, "b n out"]:
        """The class token, then the patches row by row, after the last norm. `kept`: only these patches are seen, in this order."""
        h, w = x.shape[2:]
        patches = self.embed(F.pad(x, (0, -w % self.patch, 0, -h % self.patch))).flatten(2).transpose(1, 2)  # (b, patches, width)
        first, others = self.positions_for(*self.grid_of(h, w)).split([1, patches.shape[1]], 1)
        patches = patches + others
        if kept is not None:
            patches = patches.take_along_dim(kept[:, :, None], 1)  # (b, k, width)
        tokens = torch.cat([(self.token + first).expand(x.shape[0], -1, -1), patches], 1)
        return self.norm(self.blocks(tokens))

    def positions_for(self, rows: int, columns: int) -> Float[Tensor, "1 n width"]:
        """The positions of the class token and of a grid that may be another than the one that was learned: bicubic, as in DINO."""
        if (rows, columns) == self.grid:
            return self.positions
        first, others = self.positions[:, :1], self.positions[:, 1:]
        field = others.transpose(1, 2).view(1, -1, *self.grid)
        return torch.cat([first, F.interpolate(field, (rows, columns), mode="bicubic").flatten(2).transpose(1, 2)], 1)

    def mean(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        """The mean of all patches' tokens: the code of methods that learn patch by patch."""
        return self.tokens(x)[:, 1:].mean(1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        return self.tokens(x)[:, 0]


def small_weights(net: nn.Module) -> None:
    """Linear layers with weights N(0, .02^2), cut at 2, and no bias at first, as in DeiT."""
    for module in net.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)


def sines(rows: int, columns: int, width: int) -> Float[Tensor, "n width"]:
    """Positions of a grid, row by row: sines and cosines of the column in the first half of the numbers, of the row in the other.

    The frequencies are those of Vaswani et al. (2017), 10000^(-i / (width / 4)). `width` must be a multiple of 4.
    """
    rates = 10000.0 ** -(torch.arange(width // 4) / (width // 4))
    down, across = (torch.arange(n)[:, None] * rates for n in (rows, columns))  # (rows, width / 4) and (columns, width / 4)
    down = torch.cat([down.sin(), down.cos()], 1)[:, None].expand(rows, columns, -1)
    across = torch.cat([across.sin(), across.cos()], 1)[None].expand(rows, columns, -1)
    return torch.cat([across, down], 2).flatten(0, 1)
