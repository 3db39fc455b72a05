"""The contrast of wholes and parts against sums written out, and against what one is tempted to write."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import local_nce

B, P, R, CLIP = 4, 3, 5, 2.0


def by_loops(g, local, clip=CLIP, own_places=False, squeeze=lambda s, c: c * torch.tanh(s / c), root=True, total=False):
    """Bachman et al. 2019, sections 3.2 and 3.3, term by term: the contrast and the squares, one value an example."""
    n, places, r = local.shape
    contrasts, squares = [], []
    for i in range(n):
        raw = lambda j, p, i=i: (g[i] * local[j, p]).sum() / (math.sqrt(r) if root else 1.0)
        s = lambda j, p, raw=raw: torch.exp(squeeze(raw(j, p), clip))
        losses = []
        for p in range(places):
            others = sum(s(j, q) for j in range(n) for q in range(places) if j != i or (own_places and q != p))
            losses.append(-torch.log(s(i, p) / (s(i, p) + others)))
        contrasts.append(sum(losses) / (1 if total else places))
        squares.append(sum(raw(j, p) ** 2 for j in range(n) for p in range(places)) / (n * places))
    return torch.stack(contrasts), torch.stack(squares)


def inputs():
    return 2 * generic(B, R), 2 * generic(B, P, R, seed=1)


def leaf(t):
    return t.detach().requires_grad_()


def test_by_hand():
    """Wholes 1 and 2, parts (1, 3) of example 0 and (0, -1) of example 1, in one dimension and with a bound too large to be felt.

    Example 0 scores its parts 1 and 3, the other's 0 and -1; example 1 its parts 0 and -2, the other's 2 and 6.
    """
    g = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    local = torch.tensor([[1.0, 3.0], [0.0, -1.0]], dtype=torch.float64)[:, :, None]
    e, log = math.exp, math.log
    first = ((log(e(1) + e(0) + e(-1)) - 1) + (log(e(3) + e(0) + e(-1)) - 3)) / 2
    second = (log(e(0) + e(2) + e(6)) + (log(e(-2) + e(2) + e(6)) + 2)) / 2
    contrast, squares = local_nce(g, local, clip=1e6)
    assert contrast.tolist() == pytest.approx([first, second], abs=1e-9)
    assert squares.tolist() == pytest.approx([(1 + 9 + 0 + 1) / 4, (4 + 36 + 0 + 4) / 4])
    bounded = local_nce(g, local, clip=2.0)
    t = lambda s: 2 * math.tanh(s / 2)
    assert bounded[0][0].item() == pytest.approx(
        (log(1 + (e(t(0)) + e(t(-1))) / e(t(1))) + log(1 + (e(t(0)) + e(t(-1))) / e(t(3)))) / 2, abs=1e-12
    )
    assert bounded[1].tolist() == squares.tolist(), "the penalty is of the scores before they are bounded"


@pytest.mark.parametrize("which", [0, 1], ids=["contrast", "squares"])
def test_value_and_gradient(which):
    g, local = map(leaf, inputs())
    assert local_nce(g, local, CLIP)[which].shape == (B,)
    assert_same(lambda g, x: local_nce(g, x, CLIP)[which], lambda g, x: by_loops(g, x)[which], g, local)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda g, x: by_loops(g, x, own_places=True),  # the own image's other places as negatives
        lambda g, x: by_loops(g, x, squeeze=lambda s, c: s),  # not bounded
        lambda g, x: by_loops(g, x, squeeze=lambda s, c: c * torch.tanh(s)),  # bounded, but not scaled back
        lambda g, x: by_loops(g, x, root=False),  # not divided by sqrt(r)
        lambda g, x: by_loops(g, x, total=True),  # a sum over places
        lambda g, x: by_loops(-g, x),  # the sign
        lambda g, x: by_loops(g, x.roll(1, 0)),  # another image's parts
    ],
)
def test_it_is_none_of_these(wrong):
    assert_other(lambda g, x: local_nce(g, x, CLIP)[0], lambda g, x: wrong(g, x)[0], *inputs())


HOSTILE = {
    "zeros": (torch.zeros(2, 3), torch.zeros(2, 4, 3)),
    "one code": (torch.ones(2, 3), torch.ones(2, 4, 3)),
    "huge": (1e4 * torch.ones(2, 3), 1e4 * torch.tensor([1.0, -1.0])[:, None, None].expand(2, 4, 3)),
    "wrong for sure": (1e4 * torch.ones(2, 3), torch.tensor([-1e4, 1e4])[:, None, None].expand(2, 4, 3)),
}


@pytest.mark.parametrize(("g", "local"), HOSTILE.values(), ids=HOSTILE)
def test_it_stays_finite(g, local):
    g, local = leaf(g), leaf(local)
    contrast, squares = local_nce(g, local)
    grads = torch.autograd.grad(contrast.sum() + squares.sum(), [g, local])
    assert contrast.isfinite().all() and squares.isfinite().all() and all(v.isfinite().all() for v in grads)
