"""Colour against PIL's definitions and Python's colorsys, pixel by pixel."""

import colorsys

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from scipy import stats

from allegory.core import Dice
from allegory.views import ColourJitter, Grey
from allegory.views.colour import brightness, contrast, hue, luma, saturation

FACTORS = torch.tensor([0.0, 0.3, 0.9, 1.0, 1.4, 2.5])


def images(b=6, c=3, h=5, w=7):
    x = np.random.default_rng(0).uniform(-1, 1, (b, c, h, w))
    if c == 3:  # the cases in which channels are equal
        x[:, :, 0, :] = np.array(
            [[0.2, 0.2, 0.2], [-1, -1, -1], [1, 1, 1], [0.5, 0.5, -0.3], [-0.3, 0.5, 0.5], [0.5, -0.3, 0.5], [-1, 1, 1]]
        ).T
    return torch.as_tensor(x, dtype=torch.float32)


def dice(n):
    return Dice.roll(0, 0, torch.arange(n))


def light(x):
    return (x.double().numpy() + 1) / 2


def grey(u):
    return 0.299 * u[0] + 0.587 * u[1] + 0.114 * u[2] if len(u) == 3 else u.mean(0)


def blend(degenerate, u, factor):
    return np.clip(degenerate * (1 - factor) + u * factor, 0, 1)


REFERENCE = {
    brightness: lambda u, f: blend(np.zeros_like(u), u, f),
    contrast: lambda u, f: blend(np.full_like(u, grey(u).mean()), u, f),
    saturation: lambda u, f: blend(np.broadcast_to(grey(u), u.shape), u, f),
}


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("op", REFERENCE, ids=lambda op: op.__name__)
def test_blends(op, channels):
    x = images(c=channels)
    shown = op(x, FACTORS)
    for i, factor in enumerate(FACTORS.tolist()):
        np.testing.assert_allclose(light(shown[i]), REFERENCE[op](light(x[i]), factor), atol=1e-5)


@pytest.mark.parametrize(
    ("op", "enhance"), [(brightness, ImageEnhance.Brightness), (contrast, ImageEnhance.Contrast), (saturation, ImageEnhance.Color)]
)
def test_blends_are_those_of_pil(op, enhance):
    """PIL rounds to 8 bits, and the mean grey of contrast as well: two levels of 255 is what that can make."""
    pixels = np.random.default_rng(1).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    x = torch.as_tensor(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
    for factor in (0.0, 0.5, 1.3):
        expected = np.asarray(enhance(Image.fromarray(pixels)).enhance(factor)).transpose(2, 0, 1)
        assert np.abs(light(op(x, torch.tensor([factor])))[0] * 255 - expected).max() <= 2


@pytest.mark.parametrize("turn", [0.0, 0.05, -0.1, 1 / 6, -1 / 6, 0.25, 1 / 3, 0.5, -0.5, 0.9])
def test_hue_is_colorsys(turn):
    x = images()
    shown = light(hue(x, torch.full((len(x),), turn)))
    u = light(x)
    for i in range(len(x)):
        for row in range(u.shape[2]):
            for column in range(u.shape[3]):
                h, s, v = colorsys.rgb_to_hsv(*u[i, :, row, column])
                np.testing.assert_allclose(shown[i, :, row, column], colorsys.hsv_to_rgb((h + turn) % 1, s, v), atol=1e-5)


def test_hue_turns_red_to_green_to_blue():
    red = torch.tensor([1.0, -1, -1]).view(1, 3, 1, 1)
    third = torch.tensor([1 / 3])
    torch.testing.assert_close(hue(red, third).flatten(), torch.tensor([-1.0, 1, -1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(hue(red, -third).flatten(), torch.tensor([-1.0, -1, 1]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_hue_means_nothing_without_three_channels(channels):
    x = images(c=channels)
    assert torch.equal(hue(x, FACTORS), x)


def test_one_channel_has_no_saturation():
    x = images(c=1)
    assert torch.equal(saturation(x, FACTORS), x)
    assert torch.equal(Grey(1.0)(x, dice(6)), x)


@pytest.mark.parametrize("strength", [0.1, 0.5])
def test_jitter_is_its_four_steps_in_order(strength):
    """Turns of at most a sixth of the circle take a shorter way."""
    view, x = ColourJitter(hue=strength, p=0.5), images(40)
    change, shown = view.draw(dice(40), x.shape[1:]), view(x, dice(40))
    chosen = (change != torch.tensor([1.0, 1.0, 1.0, 0.0])).any(1)
    assert 0 < chosen.sum() < 40
    for i in range(40):
        one, f = x[i : i + 1], change[i : i + 1]
        if chosen[i]:
            one = hue(saturation(contrast(brightness(one, f[:, 0]), f[:, 1]), f[:, 2]), f[:, 3])
        torch.testing.assert_close(shown[i : i + 1], one, atol=1e-6, rtol=0)


def test_jitter_draws_uniformly():
    drawn = ColourJitter(0.4, 0.3, 1.5, 0.1, p=0.8).draw(dice(5000), (3, 4, 4))
    chosen = (drawn != torch.tensor([1.0, 1.0, 1.0, 0.0])).any(1)
    change = drawn[chosen]
    low, high = np.array([0.6, 0.7, 0.0, -0.1]), np.array([1.4, 1.3, 2.5, 0.1])
    for i in range(4):
        assert stats.kstest((change[:, i].numpy() - low[i]) / (high[i] - low[i]), "uniform").pvalue > 1e-3
    assert abs(chosen.float().mean() - 0.8) < 0.03


def test_grey_is_the_luma_in_every_channel():
    x = images(500)
    shown, plain = Grey(0.2)(x, dice(500)), luma(x).expand_as(x)
    turned = (shown == plain).all(dim=(1, 2, 3))
    assert (turned | (shown == x).all(dim=(1, 2, 3))).all()
    assert 60 < turned.sum() < 140
    np.testing.assert_allclose(light(luma(x)[3])[0], grey(light(x[3])), atol=1e-6)
