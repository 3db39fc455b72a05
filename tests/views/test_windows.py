"""Windows lie where they should, and are changed one by one."""

import pytest
import torch

from allegory.core import Dice, Misuse
from allegory.views import ColourJitter, Noise, Windows


def dice(n):
    return Dice.roll(0, 0, torch.arange(n))


def test_windows_of_images_row_by_row():
    x = torch.arange(2 * 3 * 7 * 9, dtype=torch.float32).view(2, 3, 7, 9)
    cut = Windows(3, 2)(x, dice(2))
    assert cut.shape == (2, 3, 4, 3, 3, 3) == (2, *Windows(3, 2).shape((3, 7, 9)))
    for i in range(3):
        for j in range(4):
            assert torch.equal(cut[:, i, j], x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3])


@pytest.mark.parametrize("shape", [(10,), (2, 10)])
def test_windows_of_series_are_one_column(shape):
    x = torch.arange(3 * torch.Size(shape).numel(), dtype=torch.float32).view(3, *shape)
    cut = Windows(4, 3)(x, dice(3))
    assert cut.shape == (3, 3, 1, x[0].numel() // 10, 4) == (3, *Windows(4, 3).shape(shape))
    series = x.view(3, -1, 10)
    for i in range(3):
        assert torch.equal(cut[:, i, 0], series[:, :, 3 * i : 3 * i + 4])


def test_each_window_is_changed_by_itself():
    x = torch.zeros(2, 1, 8, 8)
    shown = Windows(4, 4, Noise(1.0))(x, dice(2)).flatten(0, 2).flatten(1)
    apart = (shown[:, None] - shown).square().mean(2)
    assert ((apart + 2 * torch.eye(8)) > 0.2).all(), "no two windows were changed alike"
    light = Windows(4, 4, ColourJitter(brightness=0.5, contrast=0, saturation=0, hue=0, p=1))(x + 0.5, dice(2))
    assert (light.flatten(3).std(3) < 1e-6).all() and light.mean((3, 4, 5)).std() > 0.05


def test_a_window_must_fit():
    with pytest.raises(Misuse, match=r"windows of 9 are larger than 8x12"):
        Windows(9, 1)(torch.zeros(1, 1, 8, 12), dice(1))
