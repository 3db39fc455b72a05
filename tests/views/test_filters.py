"""Blur, sharpness and Sobel against scipy and PIL."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from scipy import ndimage, stats

from allegory.core import Dice
from allegory.views import Blur, Sharpness, Sobel
from allegory.views.blur import blur, smooth


def images(b=4, c=3, h=20, w=24):
    return torch.as_tensor(np.random.default_rng(0).uniform(-1, 1, (b, c, h, w)), dtype=torch.float32)


def dice(n=4):
    return Dice.roll(0, 0, torch.arange(n))


@pytest.mark.parametrize("radius", [1, 4])
def test_blur_is_scipys_gaussian(radius):
    x, sigma = images(), torch.tensor([0.1, 0.7, 1.3, 2.0])
    shown = blur(x, sigma, radius).numpy()
    for i in range(4):
        for c in range(3):
            expected = ndimage.gaussian_filter(x[i, c].numpy().astype(float), float(sigma[i]), mode="mirror", radius=radius)
            np.testing.assert_allclose(shown[i, c], expected, atol=1e-5)


def test_blur_draws_sigma_uniformly_and_takes_a_tenth_of_the_side():
    sigma = Blur((0.1, 2.0)).draw(dice(4000), (3, 8, 8)).numpy()
    assert stats.kstest((sigma - 0.1) / 1.9, "uniform").pvalue > 1e-3
    x = images(h=96, w=96)
    torch.testing.assert_close(Blur()(x, dice()), blur(x, Blur().draw(dice(), x.shape[1:]), 5))
    torch.testing.assert_close(Blur(taps=3)(x, dice()), blur(x, Blur().draw(dice(), x.shape[1:]), 1))


def test_smooth_is_pils_filter():
    pixels = np.random.default_rng(1).integers(0, 256, (9, 11), dtype=np.uint8)
    ours = smooth(torch.as_tensor(pixels)[None, None].float())[0, 0].numpy()
    theirs = np.asarray(Image.fromarray(pixels).filter(ImageFilter.SMOOTH)).astype(float)
    assert np.abs(ours - theirs).max() <= 0.5 + 1e-3  # PIL rounds to 8 bits


def test_sharpness_blends_away_from_the_smooth_image():
    view, x = Sharpness(0.9, ends=True), images()
    factor = view.draw(dice(), x.shape[1:])
    assert set(factor.double().numpy().round(4).tolist()) <= {0.1, 1.9}
    for i in range(4):
        expected = (factor[i] * x[i] + (1 - factor[i]) * smooth(x[i : i + 1])[0]).clamp(-1, 1)
        torch.testing.assert_close(view(x, dice())[i], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sobel_is_scipys(channels):
    x = images(c=channels)
    shown = Sobel()(x, dice()).numpy()
    assert shown.shape == (4, 2, 20, 24)
    weights = {3: np.array([0.299, 0.587, 0.114])}.get(channels, np.full(channels, 1 / channels))
    for i in range(4):
        grey = np.tensordot(weights, x[i].numpy().astype(float), 1)
        np.testing.assert_allclose(shown[i, 0], ndimage.sobel(grey, axis=1, mode="nearest") / 8, atol=1e-5)
        np.testing.assert_allclose(shown[i, 1], ndimage.sobel(grey, axis=0, mode="nearest") / 8, atol=1e-5)
