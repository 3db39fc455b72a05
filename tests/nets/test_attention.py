"""Attention and the transformer block, against loops written by hand."""

import math

import torch
import torch.nn.functional as F

from allegory import nets

B, N, WIDTH, HEADS = 2, 5, 6, 3
D = WIDTH // HEADS


def tokens():
    return torch.randn(B, N, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@torch.no_grad()
def by_loops(attention, x):
    """Head h reads numbers h*d .. (h+1)*d of the queries, then of the keys, then of the values."""
    W, bias = attention.qkv.weight, attention.qkv.bias
    y = torch.zeros(B, N, WIDTH, dtype=torch.float64)
    for i in range(B):
        for h in range(HEADS):
            own = slice(h * D, (h + 1) * D)
            q, k, v = ([W[o : o + WIDTH][own] @ x[i, t] + bias[o : o + WIDTH][own] for t in range(N)] for o in (0, WIDTH, 2 * WIDTH))
            for t in range(N):
                weights = [math.exp(float(q[t] @ k[s]) / math.sqrt(D)) for s in range(N)]
                y[i, t, own] = sum(w / sum(weights) * v[s] for s, w in enumerate(weights))
    return y @ attention.merge.weight.T + attention.merge.bias


def test_attention_equals_loops():
    attention = nets.Attention(WIDTH, HEADS).double()
    assert torch.allclose(attention(tokens()), by_loops(attention, tokens()), atol=1e-12)


def test_block_is_pre_norm_with_two_short_ways():
    block, x = nets.Block(WIDTH, HEADS).double(), tokens()
    middle = x + by_loops(block.attention, F.layer_norm(x, (WIDTH,), block.before_attention.weight, block.before_attention.bias, 1e-6))
    normed = F.layer_norm(middle, (WIDTH,), block.before_mlp.weight, block.before_mlp.bias, 1e-6)
    expected = middle + block.mlp[2](F.gelu(block.mlp[0](normed)))
    assert torch.allclose(block(x), expected, atol=1e-12)


def test_a_set_of_tokens_has_no_order():
    attention, order = nets.Attention(WIDTH, HEADS).double(), torch.tensor([3, 0, 4, 1, 2])
    assert torch.allclose(attention(tokens()[:, order]), attention(tokens())[:, order], atol=1e-12)


def test_in_order_a_token_sees_what_the_set_of_those_before_it_would():
    causal, free = nets.Attention(WIDTH, HEADS, causal=True).double(), nets.Attention(WIDTH, HEADS).double()
    free.load_state_dict(causal.state_dict())
    whole = causal(tokens())
    for t in range(N):
        assert torch.allclose(whole[:, t], free(tokens()[:, : t + 1])[:, t], atol=1e-12)


def test_token_by_token_with_a_past_is_the_same():
    block = nets.Block(WIDTH, HEADS, causal=True).double()
    past = block.attention.past(B, N)
    with torch.no_grad():
        one_by_one = torch.cat([block(tokens()[:, t : t + 1], past) for t in range(N)], 1)
        assert torch.allclose(one_by_one, block(tokens()), atol=1e-12)
    assert past.length == N and past.keys.shape == (B, HEADS, N, D) and past.keys.dtype == torch.float64
