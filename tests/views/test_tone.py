"""Changes of tone against PIL's ImageOps, on all that 8 bits can say."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from allegory.core import Dice
from allegory.views import AutoContrast, Equalize, Invert, Posterize, Solarize


def pixels(b=4):
    x = np.random.default_rng(0).integers(0, 256, (b, 20, 16, 3), dtype=np.uint8)
    x[1] = x[1] // 4 + 30  # a narrow histogram
    x[2, ..., 0] = 77  # a constant channel
    return x


CASES = [
    (Invert(), ImageOps.invert),
    (Solarize(), lambda im: ImageOps.solarize(im, 128)),
    (Solarize((0.25, 0.25)), lambda im: ImageOps.solarize(im, 64)),
    *[(Posterize(bits), lambda im, bits=bits: ImageOps.posterize(im, bits)) for bits in (1, 4, 8)],
    (AutoContrast(), ImageOps.autocontrast),
    (Equalize(), ImageOps.equalize),
]


@pytest.mark.parametrize(("view", "reference"), CASES, ids=[str(view) for view, _ in CASES])
def test_against_pil(view, reference):
    raw = pixels()
    x = torch.as_tensor(raw).permute(0, 3, 1, 2).float() / 127.5 - 1
    shown = (view(x, Dice.roll(0, 0, torch.arange(4))).permute(0, 2, 3, 1).numpy() + 1) * 127.5
    tolerance = 1 if isinstance(view, AutoContrast) else 1e-3  # PIL cuts the stretched value to whole levels
    for i in range(4):
        expected = np.asarray(reference(Image.fromarray(raw[i]))).astype(float)
        assert np.abs(shown[i] - expected).max() <= tolerance


def test_solarize_draws_its_threshold():
    x = torch.zeros(400, 1, 1, 1) + 0.5
    shown = Solarize((0.5, 1.0))(x, Dice.roll(0, 0, torch.arange(400)))
    assert abs((shown < 0).float().mean() - 0.5) < 0.1  # light .75 lies in the middle of the thresholds
