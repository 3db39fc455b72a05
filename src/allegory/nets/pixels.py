"""A transformer over the numbers of an image as tokens (Chen et al. 2020, Generative Pretraining from Pixels)."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from allegory.core import Misuse
from allegory.nets.attention import Block
from allegory.nets.raster import Autoregressive, Shape, Walk, laid_out, raster
from allegory.nets.vit import sines, small_weights


class PixelTransformer(Autoregressive):
    """Every number is a token of one of `levels` vectors; between two levels it is their mixture. Learned positions.

    `causal`: a place is shown the number before it, and looks at itself and the places before. Else all places are shown their own number
    and look at all, but for those that are hidden.
    """

    def __init__(self, shape: Shape, numbers: int, levels: int, width: int, heads: int, depth: int, causal: bool):
        super().__init__(shape, numbers, width, reads=depth // 2)
        self.levels, self.causal = levels, causal
        self.embed = nn.Embedding(levels, width)
        self.blank = nn.Parameter(torch.zeros(width))  # before the first number, or where one is hidden
        self.positions = nn.Parameter(sines(*shape[1:], width).repeat_interleave(shape[0], 0))
        self.blocks = nn.Sequential(*(Block(width, heads, causal) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        small_weights(self)
        self.head = nn.Linear(width, numbers)
        nn.init.zeros_(self.head.weight)  # as in the paper: it begins by taking all levels for equally likely

    def _tokens(self, flat: Float[Tensor, "b d"]) -> Float[Tensor, "b d width"]:
        at = (flat.clamp(-1.0, 1.0) + 1.0) / 2.0 * (self.levels - 1)
        low = at.detach().long().clamp(max=self.levels - 2)
        return torch.lerp(self.embed(low), self.embed(low + 1), (at - low)[..., None])

    def _shown(self, x: Float[Tensor, "b c h w"], hidden: Bool[Tensor, "b d"] | None) -> Float[Tensor, "b d width"]:
        tokens = self._tokens(raster(x))
        if self.causal:
            return torch.cat([self.blank.expand(len(x), 1, -1), tokens[:, :-1]], 1) + self.positions
        return (tokens if hidden is None else torch.where(hidden[..., None], self.blank, tokens)) + self.positions

    def said(self, x: Float[Tensor, "b c h w"], hidden: Bool[Tensor, "b d"] | None = None) -> Float[Tensor, "b k h w"]:
        """What is said of every number; `hidden` (in raster order) are not shown, where not `causal`."""
        return laid_out(self.head(self.norm(self.blocks(self._shown(x, hidden)))), self.shape)

    def predicted(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        self._in_order()
        return self.said(x)

    def layers_of(self, x: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b out"]]:
        """After the norm with which the next block begins, from what goes into the first (n^0 ... n^L of section 2.3)."""
        tokens, found = self._shown(x, None), []
        for block in self.blocks:
            assert isinstance(block, Block)
            found.append(block.before_attention(tokens).mean(1))
            tokens = block(tokens)
        return [*found, self.norm(tokens).mean(1)]

    def walk(self, rows: int) -> Walk:
        """Keys and values are kept: a number costs every block one token, which looks at those before it."""
        self._in_order()
        blocks = [block for block in self.blocks if isinstance(block, Block)]
        pasts = [block.attention.past(rows, math.prod(self.shape)) for block in blocks]

        def of(done: Float[Tensor, "b d"], i: int) -> Float[Tensor, "b numbers"]:
            token = self._tokens(done[:, i - 1 : i]) if i else self.blank.expand(rows, 1, -1)
            y = token + self.positions[i]
            for block, past in zip(blocks, pasts, strict=True):
                y = block(y, past)
            return self.head(self.norm(y))[:, 0]

        return of

    def _in_order(self) -> None:
        if not self.causal:
            raise Misuse(
                "a net of masked pixels says none from those before it: no log density, samples or completion; learn with --objective next"
            )
