"""Parts by their names."""

import pytest
import torch

from allegory.core import Dice, Misuse
from allegory.views import Split


def dice(n):
    return Dice.roll(0, 0, torch.arange(n))


def split(x, of, given, **more):
    return Split(of, given, **more)(x, dice(len(x)))


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("top", slice(0, 4), slice(None)),
        ("bottom", slice(4, 8), slice(None)),
        ("left", slice(None), slice(0, 6)),
        ("right", slice(None), slice(6, 12)),
        ("centre", slice(2, 6), slice(3, 9)),
    ],
)
def test_the_places_of_images(name, rows, columns):
    x = torch.ones(2, 3, 8, 12)
    wanted = torch.zeros(8, 12, dtype=torch.bool)
    wanted[rows, columns] = True
    asked = split(x, name, "rest")
    assert torch.equal(asked.of, wanted.expand(2, 1, 8, 12))
    assert torch.equal(asked.given, ~asked.of)
    assert torch.equal(asked.shown[:, 2] == 0, asked.of[:, 0])
    other = split(x, "rest", name)
    assert torch.equal(other.given, asked.of)
    assert torch.equal(other.of, asked.given)


def test_border_and_centre_make_the_whole():
    asked = split(torch.ones(2, 1, 8, 8), "border", "centre")
    assert torch.equal(asked.of, ~asked.given)


def test_the_times_of_vectors_and_sequences():
    x = torch.arange(1.0, 8.0).expand(2, 7)
    asked = split(x, "future", "past")
    assert asked.given[0].tolist() == [True, True, False, False, False, False, False]
    assert asked.of[0].tolist() == [False, False, False, False, False, True, True]
    assert asked.shown[0].tolist() == [1, 2, 0, 0, 0, 0, 0]
    assert split(x, "future", "past+present").given[0].tolist() == [True] * 5 + [False] * 2
    of_two = split(torch.ones(2, 3, 7), "present", "rest")
    assert of_two.of[1, 2].tolist() == [False, False, True, True, True, False, False]
    assert of_two.shown[:, :, 2:5].abs().sum() == 0


def test_the_occluded_are_drawn_and_the_visible_are_the_others():
    asked = split(torch.ones(300, 3, 8, 12), "occluded", "visible", share=0.5)
    assert torch.equal(asked.of, ~asked.given)
    assert (asked.of.flatten(1).sum(1) == 48).all()
    assert (asked.of.float().mean(0) - 0.5).abs().max() < 0.15
    assert split(torch.ones(5, 1, 7, 9), "occluded", "visible").of.shape == (5, 1, 7, 9), "patches at the border are cut"
    assert (split(torch.ones(5, 10), "occluded", "rest", share=0.3).of.sum(1) == 3).all()


def test_what_is_given_is_not_asked_for():
    asked = split(torch.ones(2, 1, 8, 8), "left", "top")
    assert not (asked.of & asked.given).any()
    assert asked.of[0, 0, 4:, :4].all()
    assert asked.of.sum() == 2 * 16


def test_unknown_parts_and_a_part_from_itself_are_refused():
    with pytest.raises(Misuse, match="past, present, future"):
        split(torch.ones(2, 6), "top", "rest")
    with pytest.raises(Misuse, match="top, bottom"):
        split(torch.ones(2, 1, 8, 8), "future", "past")
    with pytest.raises(Misuse, match="from itself"):
        split(torch.ones(2, 6), "past", "past")
