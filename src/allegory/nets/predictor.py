"""A small transformer that says what stands at hidden places, from tokens of seen ones: MAE's decoder and I-JEPA's predictor."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory.nets.attention import Block
from allegory.nets.vit import sines, small_weights


class Predictor(nn.Module):
    """(b, k, inputs) tokens of the patches `seen` of a grid -> (b, m, out) for the patches `asked`.

    Every asked patch is the same learned mask token, plus the fixed position of its patch; so are the seen ones (He et al. 2022;
    Assran et al. 2023).
    """

    places: Float[Tensor, "n width"]

    def __init__(self, grid: tuple[int, int], inputs: int, out: int, width: int, heads: int, depth: int):
        super().__init__()
        self.embed = nn.Linear(inputs, width)
        self.mask = nn.Parameter(torch.zeros(1, 1, width))
        self.register_buffer("places", sines(*grid, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.answer = nn.Linear(width, out)
        small_weights(self)
        nn.init.trunc_normal_(self.mask, std=0.02)

    def forward(self, tokens: Float[Tensor, "b k inputs"], seen: Int[Tensor, "b k"], asked: Int[Tensor, "b m"]) -> Float[Tensor, "b m out"]:
        known = self.embed(tokens) + self.places[seen]
        unknown = self.mask + self.places[asked]
        z = self.blocks(torch.cat([known, unknown], 1))[:, known.shape[1] :]
        return self.answer(self.norm(z))
