"""Vision transformers that see some patches only, other sizes, and the predictor of hidden ones."""

import json
import math
from pathlib import Path

import pytest
import torch

from allegory import nets
from allegory.core import Array, Misuse, Parts
from allegory.nets.vit import sines


def images(*shape, b=3):
    return torch.randn(b, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def vit(*shape, grid=4):
    torch.manual_seed(0)
    return nets.ViT(shape, 8, 2, depth=2, grid=grid).double()


def test_all_patches_kept_in_order_are_all_patches():
    net, x = vit(2, 8, 12), images(2, 8, 12)
    n = math.prod(net.grid)
    every = torch.arange(n).expand(3, n)
    torch.testing.assert_close(net.tokens(x, every), net.tokens(x), rtol=1e-12, atol=1e-12)
    order = every.flip(1)
    torch.testing.assert_close(net.tokens(x, order)[:, 1:].flip(1), net.tokens(x)[:, 1:], rtol=1e-9, atol=1e-9)


def test_what_is_not_kept_cannot_be_seen_and_each_row_keeps_its_own():
    """Patches of 4 in an image of 8 x 8, row by row 0 1 / 2 3: of the first image 0 and 3 are kept, of the second 2 and 1."""
    net, x = nets.ViT((1, 8, 8), 8, 2, depth=2, grid=2).double(), images(1, 8, 8, b=2)
    assert net.grid == (2, 2)
    kept = torch.tensor([[0, 3], [2, 1]])
    y = net.tokens(x, kept)
    assert y.shape == (2, 3, 8)
    other = x.clone()
    other[0, :, :4, 4:] = 7.0  # patch 1 of the first: hidden
    other[1, :, :4, :4] = 7.0  # patch 0 of the second: hidden
    assert torch.equal(net.tokens(other, kept), y)
    other[1, :, 4:, :4] = 7.0  # patch 2 of the second: seen
    assert torch.equal(net.tokens(other, kept)[0], y[0])
    assert not torch.allclose(net.tokens(other, kept)[1], y[1])


def test_the_mean_leaves_the_class_token_out():
    net, x = vit(1, 8, 8), images(1, 8, 8)
    torch.testing.assert_close(net.mean(x), net.tokens(x)[:, 1:].sum(1) / 16)


def test_other_sizes_get_positions_in_between():
    net = vit(1, 16, 16)  # 4 x 4 patches of 4
    with torch.no_grad():  # a ramp down the rows
        net.positions[:, 1:] = torch.arange(4.0).repeat_interleave(4)[None, :, None]
    half = net.positions_for(2, 2)
    assert half.shape == (1, 5, 8)
    assert torch.equal(half[:, 0], net.positions[:, 0])
    # Between rows 0 and 1, and between 2 and 3; bicubic with a = -.75 gives .40625 and 2.59375 for the clamped ramp
    torch.testing.assert_close(half[0, 1:, 0], torch.tensor([0.40625, 0.40625, 2.59375, 2.59375]).double())
    assert net.positions_for(4, 4) is net.positions
    assert net(images(1, 8, 8)).shape == (3, 8)
    assert net(images(1, 7, 10)).shape == (3, 8)  # 2 x 3 patches, padded


def test_sines_by_hand():
    """Width 8: two frequencies, 1 and 1/100. The place in row 1 and column 2 of a grid with 3 columns is number 5."""
    place = sines(2, 3, 8)[5].tolist()
    row = [math.sin(1), math.sin(0.01), math.cos(1), math.cos(0.01)]
    column = [math.sin(2), math.sin(0.02), math.cos(2), math.cos(0.02)]
    assert place == pytest.approx([*column, *row], abs=1e-6)


def test_sines_are_those_of_lightly():
    golden = json.loads((Path(__file__).parents[2] / "benchmarks" / "parity" / "lightly.json").read_text())["outputs"]["sincos_2d"]
    torch.testing.assert_close(sines(2, 2, 8), torch.tensor(golden), rtol=1e-5, atol=1e-6)  # stored to 6 digits


def test_the_mini_transformer_begins_with_sines_and_learns_them():
    net = nets.encoder("vit-mini", Array((1, 28, 28)))
    assert (net.patch, net.grid) == (4, (7, 7))
    assert torch.equal(net.positions[0, 1:], sines(7, 7, 64))
    assert net.positions.requires_grad


def predictor():
    torch.manual_seed(0)
    return nets.Predictor((2, 3), inputs=5, out=4, width=8, heads=2, depth=2).double()


def test_a_predictor_says_what_stands_at_a_place_whatever_else_is_listed_first():
    net, tokens = predictor(), torch.randn(2, 3, 5, dtype=torch.float64)
    seen, asked = torch.tensor([[0, 4, 2], [1, 2, 3]]), torch.tensor([[1, 5], [0, 4]])
    y = net(tokens, seen, asked)
    assert y.shape == (2, 2, 4)
    torch.testing.assert_close(net(tokens, seen, asked.flip(1)).flip(1), y, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(net(tokens.flip(1), seen.flip(1), asked), y, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(net(tokens.flip(1), seen, asked), y)
    assert not torch.allclose(y[:, 0], y[:, 1])
    grads = torch.autograd.grad(y.square().sum(), list(net.parameters()))
    assert all(g.abs().max() > 0 for g in grads)
    assert not net.places.requires_grad


def test_only_vision_transformers_hide_patches():
    image = Array((1, 28, 28))
    assert nets.transformer("vit_mini", image).patch == nets.patch_of("vit-mini", image) == 4
    with pytest.raises(Misuse, match=r"hidden patches need a vision transformer; 'convnet' on .* vit-mini, vit-tiny"):
        nets.transformer("convnet", image)
    with pytest.raises(Misuse, match="hidden patches need"):
        nets.patch_of("vit-mini", Parts({"a": image}))


def test_finding_the_patch_leaves_the_generators_alone():
    state = torch.get_rng_state()
    nets.patch_of("vit-mini", Array((3, 32, 32)))
    assert torch.equal(torch.get_rng_state(), state)
