"""The vision transformer (Dosovitskiy et al. 2021), in the sizes of DeiT (Touvron et al. 2021)."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.attention import Block
from allegory.nets.encoder import Encoder

GRID = 14


def patch_size(h: int, w: int, grid: int = GRID) -> int:
    """The smallest power of two by which the image has at most `grid` patches a side; for 14: 16 at 224 pixels, 8 at 64 and 96, 4 at 32,
    1 at 8."""
    return 2 ** max(0, math.ceil(math.log2(max(h, w) / grid)))


class ViT(Encoder):
    """(b, c, h, w) -> (b, out): the class token after the last norm. Sizes that patches do not divide are padded right and below."""

    def __init__(self, shape: tuple[int, int, int], width: int, heads: int, depth: int = 12, grid: int = GRID):
        super().__init__()
        channels, h, w = shape
        self.patch = patch_size(h, w, grid)
        self.padding = (0, -w % self.patch, 0, -h % self.patch)
        self.grid = (math.ceil(h / self.patch), math.ceil(w / self.patch))
        self.embed = nn.Conv2d(channels, width, self.patch, self.patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + math.prod(self.grid), width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.out = width
        for p in (self.token, self.positions):
            nn.init.trunc_normal_(p, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def tokens(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n out"]:
        """The class token, then the patches row by row, after the last norm."""
        patches = self.embed(F.pad(x, self.padding)).flatten(2).transpose(1, 2)  # (b, patches, width)
        tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), patches], 1) + self.positions  # (b, 1 + patches, width)
        return self.norm(self.blocks(tokens))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        return self.tokens(x)[:, 0]
