"""Self-attention and the pre-norm transformer block (Vaswani et al. 2017; Dosovitskiy et al. 2021)."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head self-attention over a set of tokens: softmax(q k' / sqrt(d)) v in each head of d = width / heads numbers."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "b n width"]) -> Float[Tensor, "b n width"]:
        b, n, width = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)  # each (b, heads, n, d)
        y = F.scaled_dot_product_attention(q, k, v)  # (b, heads, n, d)
        return self.merge(y.transpose(1, 2).reshape(b, n, width))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)) with a hidden layer of four times the width."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.before_attention = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads)
        self.before_mlp = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Float[Tensor, "b n width"]) -> Float[Tensor, "b n width"]:
        x = x + self.attention(self.before_attention(x))
        return x + self.mlp(self.before_mlp(x))
