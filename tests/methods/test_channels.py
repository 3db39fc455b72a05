"""Images of 1, 3 and 5 channels: every method of the image families learns from them and gives finite codes."""

import numpy as np
import pytest
import torch

from allegory import methods
from allegory.checks import tiny
from allegory.core import Array
from allegory.data import Items, Labels, Source
from allegory.train import Settings, fit

FAMILIES = ("pretext", "contrastive", "metric")
IMAGES = [cls for cls in methods.of_families(FAMILIES) if "image" in cls.card.specs]
ITEMS = 24


def images(channels):
    """8-bit noise with a bright half, left or right: two classes."""
    rng = np.random.default_rng(channels)
    classes = np.arange(ITEMS) % 2
    x = rng.integers(0, 128, (ITEMS, channels, 12, 12))
    x[classes == 0, :, :, :6] += 100
    x[classes == 1, :, :, 6:] += 100
    return Source("halves", Array((channels, 12, 12), levels=256), x.astype(np.uint8), labels=Labels(classes, ("left", "right")))


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("cls", IMAGES, ids=lambda cls: cls.__name__)
def test_any_number_of_channels(cls, channels):
    source, index = images(channels), np.arange(ITEMS)
    fitted = fit(tiny(cls), source, Settings(steps=2, batch=12, device="cpu"), index=index)
    with torch.no_grad():
        z = fitted.method.encode(fitted.net, Items(source, fitted.intake, index).whole())
    assert len(z) == ITEMS and z.isfinite().all()
    assert float((z - z[:1]).abs().max()) > 0, "items differ, and so do their codes"
