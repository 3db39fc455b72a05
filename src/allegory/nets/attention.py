"""Self-attention and the pre-norm transformer block (Vaswani et al. 2017; Dosovitskiy et al. 2021), over a set or in order."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Past:
    """The keys and values of the tokens so far of one attention, so that a new token costs a look at them and no more."""

    def __init__(self, keys: Float[Tensor, "b heads most d"], values: Float[Tensor, "b heads most d"]):
        self.keys, self.values, self.length = keys, values, 0

    def joined(self, k: Float[Tensor, "b heads n d"], v: Float[Tensor, "b heads n d"]) -> tuple[Tensor, Tensor]:
        """All keys and values up to these, which are kept."""
        start, self.length = self.length, self.length + k.shape[2]
        self.keys[:, :, start : self.length] = k
        self.values[:, :, start : self.length] = v
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]


class Attention(nn.Module):
    """Multi-head self-attention over a set of tokens: softmax(q k' / sqrt(d)) v in each head of d = width / heads numbers.

    `causal`: a token looks at itself and those before it only.
    """

    def __init__(self, width: int, heads: int, causal: bool = False):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "b n width"], past: Past | None = None) -> Float[Tensor, "b n width"]:
        """With a `past`, `x` is the next token alone (n = 1), which looks at all before it."""
        b, n, width = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)  # each (b, heads, n, d)
        if past is not None:
            k, v = past.joined(k, v)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal and past is None)  # (b, heads, n, d)
        return self.merge(y.transpose(1, 2).reshape(b, n, width))

    def past(self, rows: int, most: int) -> Past:
        """Room for `most` tokens of each of `rows` sequences."""
        weight = self.qkv.weight
        keys, values = weight.new_zeros(2, rows, self.heads, most, weight.shape[1] // self.heads)
        return Past(keys, values)


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)) with a hidden layer of four times the width. `causal` and `past`: of `Attention`."""

    def __init__(self, width: int, heads: int, causal: bool = False):
        super().__init__()
        self.before_attention = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads, causal)
        self.before_mlp = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Float[Tensor, "b n width"], past: Past | None = None) -> Float[Tensor, "b n width"]:
        x = x + self.attention(self.before_attention(x), past)
        return x + self.mlp(self.before_mlp(x))
