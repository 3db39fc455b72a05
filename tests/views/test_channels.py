"""Lab against numbers worked by hand and those of Bruce Lindbloom's calculator, and images taken apart by channel."""

import pytest
import torch

from allegory.core import Dice
from allegory.views import Channels, Uncolour
from allegory.views.lab import lab

# White, yellow, cyan, green, magenta, red, blue and black, with the white D65 (http://brucelindbloom.com, as scikit-image tests it).
BARS = ((1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0))
LAB = (
    (100, 0, 0), (97.1393, -21.5537, 94.4780), (91.1132, -48.0875, -14.1312), (87.7347, -86.1827, 83.1793),
    (60.3242, 98.2343, -60.8249), (53.2408, 80.0925, 67.2032), (32.2970, 79.1875, -107.8602), (0, 0, 0),
)  # fmt: skip


def dice(n):
    return Dice.roll(0, 0, torch.arange(n))


def pixels(rows):
    return torch.tensor(rows, dtype=torch.float64).T[None, :, None]  # (1, 3, 1, n)


def test_lab_of_known_colours():
    found = lab(2 * pixels(BARS) - 1)
    torch.testing.assert_close(found, pixels(LAB), atol=0.012, rtol=0)  # they round the matrix in another digit


def test_lab_of_two_greys_by_hand():
    """Mid grey: ((.5 + .055) / 1.055)^2.4 = .214041, cube root .598190, 116 * .598190 - 16 = 53.3890. A dark grey of .03 is on the
    straight parts of both curves: .03 / 12.92 = .00232198, 116 * 7.787 * .00232198 = 2.0974."""
    found = lab(2 * pixels(((0.5,) * 3, (0.03,) * 3)) - 1)[0, :, 0]
    assert found[0].tolist() == pytest.approx([53.3890, 2.0974], abs=1e-3)
    assert found[1:].abs().max() < 0.02


def test_what_is_out_of_range_is_cut():
    assert torch.equal(lab(torch.full((1, 3, 2, 2), 1.5)), lab(torch.ones(1, 3, 2, 2)))


def test_the_grey_and_the_colour_of_three_channels():
    found = Uncolour()(2 * pixels(BARS) - 1, dice(1))
    assert found.grey.shape == (1, 1, 1, 8)
    torch.testing.assert_close(found.grey[0, 0, 0, :2], torch.tensor([1.0, 97.1393 / 50 - 1]).double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.colour[0, :, 0, 5], torch.tensor([80.0925, 67.2032]).double() / 110, atol=1e-4, rtol=0)


def test_the_grey_and_the_colour_of_other_numbers_of_channels():
    x = torch.randn(2, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    found = Uncolour()(x, dice(2))
    torch.testing.assert_close(found.grey + found.colour, x)
    assert found.colour.mean(1).abs().max() < 1e-6
    one = Uncolour()(x[:, :1], dice(2))
    assert one.grey.shape == (2, 2, 4, 4)
    assert torch.equal(one.colour, x[:, :1])


def test_channels_of_three_are_light_and_colour():
    two, three = Channels()(2 * pixels(BARS) - 1, dice(1)), Channels(3)(2 * pixels(BARS) - 1, dice(1))
    assert {name: part.shape[1] for name, part in two.items()} == {"L": 1, "ab": 2}
    assert list(three) == ["L", "a", "b"]
    assert torch.equal(torch.cat([three["a"], three["b"]], 1), two["ab"])
    assert two["ab"][0, 1, 0, 6].item() == pytest.approx(-107.8602 / 110, abs=1e-3)


def test_channels_of_five_are_three_and_two_and_of_one_low_and_high():
    x = torch.randn(2, 5, 6, 6, generator=torch.Generator().manual_seed(0))
    five = Channels()(x, dice(2))
    assert list(five) == ["channels 0 to 2", "channels 3 to 4"]
    assert torch.equal(torch.cat(list(five.values()), 1), x)
    one = Channels()(x[:, :1], dice(2))
    torch.testing.assert_close(one["low"] + one["high"], x[:, :1])
    assert one["low"][0, 0, 3, 3].item() == pytest.approx(x[0, 0, 1:6, 1:6].mean().item(), abs=1e-6)
    assert Channels(7).shape((5, 6, 6)).keys() == {f"channels {i} to {i}" for i in range(5)}
