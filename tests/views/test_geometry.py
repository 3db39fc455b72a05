"""Crop, flip and affine against PIL, scipy and loops."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage, stats

from allegory.core import Dice
from allegory.views import Affine, Compose, Flip, ResizedCrop
from allegory.views.geometry import Fused, affine_map, sample, stretch

B = 6


def images(b=B, c=3, h=12, w=16, dtype=torch.float32):
    return torch.as_tensor(np.random.default_rng(0).uniform(-1, 1, (b, c, h, w))).to(dtype)


def dice(n=B, seed=0):
    return Dice.roll(seed, 0, torch.arange(n))


@pytest.mark.parametrize("side", [None, 20])
def test_crop_is_pil_resize_with_a_box(side):
    view, x = ResizedCrop(area=(0.1, 0.6), side=side), images()
    left, top, width, height = (v.numpy().astype(float) for v in view.rectangles(dice(), 12, 16))
    shown = view(x, dice()).numpy()
    out = (20, 20) if side else (16, 12)
    for i in range(B):
        box = (left[i], top[i], left[i] + width[i], top[i] + height[i])
        for c in range(3):
            expected = Image.fromarray(x[i, c].numpy(), "F").resize(out, Image.Resampling.BILINEAR, box=box)
            np.testing.assert_allclose(shown[i, c], np.asarray(expected), atol=1e-5)


def torchvision_crop(rng, h, w, area, ratio):
    """RandomResizedCrop.get_params without the rounding to pixels."""
    for _ in range(10):
        target = h * w * rng.uniform(*area)
        r = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        cw, ch = math.sqrt(target * r), math.sqrt(target / r)
        if 0 < cw <= w and 0 < ch <= h:
            return rng.uniform(0, w - cw), rng.uniform(0, h - ch), cw, ch
    in_ratio = w / h
    cw, ch = (w, w / ratio[0]) if in_ratio < ratio[0] else (h * ratio[1], h) if in_ratio > ratio[1] else (w, h)
    return (w - cw) / 2, (h - ch) / 2, cw, ch


@pytest.mark.parametrize(
    ("h", "w", "area", "ratio"),
    [
        (12, 16, (0.2, 1.0), (3 / 4, 4 / 3)),
        (10, 40, (0.6, 1.0), (3 / 4, 4 / 3)),
        (20, 10, (0.3, 0.9), (3 / 4, 4 / 3)),
        (16, 16, (0.1, 0.3), (1.0, 3.0)),
    ],
)
def test_rectangles_follow_the_law_of_torchvision(h, w, area, ratio):
    n, rng = 4000, np.random.default_rng(1)
    ours = torch.stack(ResizedCrop(area, ratio).rectangles(dice(n), h, w), 1).double().numpy()
    theirs = np.array([torchvision_crop(rng, h, w, area, ratio) for _ in range(n)])
    for column in range(4):
        assert stats.ks_2samp(ours[:, column].round(4), theirs[:, column].round(4)).pvalue > 1e-3
    assert (ours[:, :2] >= 0).all()
    assert (ours[:, 0] + ours[:, 2] <= w + 1e-4).all()
    assert (ours[:, 1] + ours[:, 3] <= h + 1e-4).all()


def affine_by_hand(turn, scale, shift_x, shift_y, shear_x, shear_y, h, w):
    """The forward matrix as torchvision composes it: shift * centre * rotation * shear * scale * centre back, in (x, y)."""
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    linear = scale * rotation @ np.array([[1, shear_x], [shear_y, 1]])
    return linear, np.array([shift_x * w, shift_y * h])


@pytest.mark.parametrize(("outside", "mode"), [("black", "grid-constant"), ("edge", "nearest"), ("mirror", "reflect")])
@pytest.mark.parametrize(("rotation", "shear"), [(30, (0.3, 0.2)), (0, (0, 0))], ids=["turned", "upright"])
def test_affine_is_scipy_affine_transform(outside, mode, rotation, shear):
    view, x = Affine(rotation, 0.3, (0.2, 0.1), shear, outside=outside), images(dtype=torch.float64)
    shown, p = view(x, dice()).numpy(), view.parameters(dice()).numpy().astype(float)
    h, w = x.shape[-2:]
    centre = np.array([(h - 1) / 2, (w - 1) / 2])
    for i in range(B):
        linear, shift = affine_by_hand(*p[i], h, w)
        inverse = np.linalg.inv(linear)[::-1, ::-1]  # scipy counts (row, column)
        offset = centre - inverse @ (centre + shift[::-1])
        for c in range(3):
            expected = ndimage.affine_transform(x[i, c].numpy(), inverse, offset, order=1, mode=mode, cval=-1)
            np.testing.assert_allclose(shown[i, c], expected, atol=1e-5)  # the map is drawn in float32


@pytest.mark.parametrize("outside", ["black", "edge", "mirror"])
@pytest.mark.parametrize(("h", "w"), [(12, 16), (20, 7), (1, 1)])
def test_rows_then_columns_is_all_at_once(outside, h, w):
    """`stretch` is `sample` (whose maps are scaled in float32), for scales of both signs and shifts far past the border."""
    rng = np.random.default_rng(2)
    maps = torch.zeros(40, 2, 3, dtype=torch.float64)
    maps[:, [0, 1], [0, 1]] = torch.as_tensor(rng.choice([-1, 1], (40, 2)) * 4 ** rng.uniform(-1, 1, (40, 2)))
    maps[:, :, 2] = torch.as_tensor(rng.uniform(-14, 14, (40, 2)))
    x = images(40, dtype=torch.float64)
    torch.testing.assert_close(stretch(x, maps, h, w, outside), sample(x, maps, h, w, outside), atol=1e-5, rtol=0)
    dot = images(40, h=1, w=1, dtype=torch.float64)
    torch.testing.assert_close(stretch(dot, maps, h, w, outside), sample(dot, maps, h, w, outside), atol=1e-5, rtol=0)


def test_only_what_turns_or_shears_is_sampled_all_at_once():
    still = Affine(rotation=0, shear=(0, 0))
    assert ResizedCrop().upright
    assert still.upright
    assert Fused((ResizedCrop(), Flip(), still)).upright
    assert not Affine(rotation=1, shear=(0, 0)).upright
    assert not Affine(rotation=0, shear=(0, 0.1)).upright
    assert not Fused((ResizedCrop(), Affine())).upright


def test_affine_parameters_move_a_dot_the_right_way():
    x = torch.full((1, 1, 9, 9), -1.0)
    x[0, 0, 4, 6] = 1  # two to the right of the middle

    def where(turn=0.0, scale=1.0, shift_x=0.0, shift_y=0.0, shear_x=0.0, shear_y=0.0):
        out = sample(x, affine_map(torch.tensor([[turn, scale, shift_x, shift_y, shear_x, shear_y]]), 9, 9), 9, 9, "black")
        row, column = divmod(int(out.argmax()), 9)
        return row - 4, column - 4

    assert where() == (0, 2)
    assert where(turn=math.pi / 2) == (2, 0)  # clockwise: right becomes down
    assert where(scale=2.0) == (0, 4)
    assert where(shift_x=2 / 9) == (0, 4)
    assert where(shift_y=-1 / 9) == (-1, 2)
    assert where(shear_y=0.5) == (1, 2)


def test_affine_parameters_are_uniform_on_their_ranges():
    p = Affine(20, 0.25, (0.1, 0.2), (0.3, 0.4)).parameters(dice(4000)).numpy()
    low = np.array([-math.radians(20), 0.75, -0.1, -0.2, -0.3, -0.4])
    high = np.array([math.radians(20), 1.25, 0.1, 0.2, 0.3, 0.4])
    for i in range(6):
        assert stats.kstest((p[:, i] - low[i]) / (high[i] - low[i]), "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(p.T) - np.eye(6)).max() < 0.07  # 4 standard errors of 4000 pairs
    ends = Affine(20, 0.25, (0.1, 0.2), (0.3, 0.4), ends=True).parameters(dice(100)).numpy()
    assert (np.isclose(ends, low) | np.isclose(ends, high)).all()


def test_flip_is_exact_and_as_likely_as_p():
    x = images(2000, 1, 2, 3)
    shown, flipped = Flip(0.3)(x, dice(2000)), x.flip(-1)
    turned = (shown == flipped).all(dim=(1, 2, 3))
    assert ((shown == x).all(dim=(1, 2, 3)) ^ turned).all()
    assert abs(turned.float().mean() - 0.3) < 0.04


def test_fused_flip_then_shift_is_one_after_the_other():
    """Whole-pixel moves lose nothing, so the order shows exactly: the flip first, then the shift to the right."""
    x = images(4, 2, 8, 8)
    flip, shift = Flip(1.0), Affine(0, 0, (0.25, 0.0), (0, 0), ends=True)
    run = (flip, shift)
    fused = Compose(run)(x, dice(4))
    stage = dice(4).split(0)
    by_steps = shift(flip(x, stage.split(0)), stage.split(1))
    torch.testing.assert_close(fused, by_steps, atol=1e-5, rtol=0)
    swapped = flip(shift(x, stage.split(1)), stage.split(0))
    assert (fused - swapped).abs().max() > 0.1


def test_fused_with_another_size_in_between():
    """A crop to another size, then an affine in that size, against both maps applied to points by hand."""
    crop, affine = ResizedCrop(side=10), Affine()
    maps = Fused((crop, affine)).draw(dice(), (3, 12, 16))
    first, second = crop.draw(dice().split(0), (3, 12, 16)), affine.draw(dice().split(1), (3, 10, 10))
    point = torch.tensor([2.0, -3.0])
    inner = (second[:, :, :2] @ point) + second[:, :, 2]
    expected = (first[:, :, :2] @ inner[:, :, None])[:, :, 0] + first[:, :, 2]
    torch.testing.assert_close((maps[:, :, :2] @ point) + maps[:, :, 2], expected, atol=1e-5, rtol=1e-5)
    assert Compose((crop, affine))(images(), dice()).shape == (B, 3, 10, 10)
