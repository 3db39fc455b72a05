"""Two global views, then the local ones: sizes, independence, and what suits the data."""

import pytest
import torch

from allegory.core import Array, Dice, Parts, Problem, Tokens
from allegory.views import Compose, MultiCrop, Noise, Pair, ResizedCrop, multi_crop

B = 5


def dice():
    return Dice.roll(0, 3, torch.arange(B))


def test_global_views_come_first_and_all_are_drawn_independently():
    x = torch.rand(B, 1, 12, 12) * 2 - 1
    view = MultiCrop(Noise(0.1), ResizedCrop((0.1, 0.4), side=6), 3)
    shown = view(x, dice())
    assert [tuple(v.shape) for v in shown] == [(B, 1, 12, 12)] * 2 + [(B, 1, 6, 6)] * 3
    assert view.shape((1, 12, 12)) == ((1, 12, 12),) * 2 + ((1, 6, 6),) * 3
    assert torch.equal(shown[0], Pair(Noise(0.1))(x, dice())[0])
    assert len({round(float(v.sum()), 6) for v in shown}) == 5


def test_the_crops_have_the_shares_of_the_area_that_were_asked_for():
    """A ramp from 0 to 1 over the width: a crop's range of values is its share of the width."""
    ramp = torch.linspace(0, 1, 40).expand(200, 1, 40, 40)
    shown = multi_crop(Array((1, 40, 40)), locals=2).global_view.views[0], multi_crop(Array((1, 40, 40))).local_view.views[0]
    areas = []
    for crop in shown:
        _, _, width, height = crop.rectangles(Dice.roll(0, 0, torch.arange(200)), 40, 40)
        areas.append(width * height / 1600)
    assert areas[0].min() >= 0.399 and areas[1].max() <= 0.401 and areas[1].min() >= 0.149
    assert shown[1](ramp, Dice.roll(0, 0, torch.arange(200))).shape == (200, 1, 20, 20)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 33, 40), (5, 7, 11)])
def test_local_images_are_half_as_wide(shape):
    side = -(-min(shape[1:]) // 2)
    shown = multi_crop(Array(shape), mirror=True, locals=1)(torch.rand(B, *shape), dice())
    assert [tuple(v.shape[1:]) for v in shown] == [shape, shape, (shape[0], side, side)]
    kept = multi_crop(Array(shape), locals=1, smaller=False)(torch.rand(B, *shape), dice())
    assert tuple(kept[2].shape[1:]) == shape


def test_vectors_keep_their_size_and_lose_more_in_local_views():
    shown = multi_crop(Array((200,)), locals=1)(torch.full((B, 200), 9.0), dice())
    lost = [float((v < 5).float().mean()) for v in shown]
    assert lost[0] == pytest.approx(0.3, abs=0.05) and lost[2] == pytest.approx(0.5, abs=0.05)


def test_parts_have_each_their_own():
    spec = Parts({"picture": Array((3, 8, 8)), "pose": Array((4,))})
    shown = multi_crop(spec, locals=1)({"picture": torch.rand(B, 3, 8, 8), "pose": torch.rand(B, 4)}, dice())
    assert shown[2]["picture"].shape == (B, 3, 4, 4) and shown[2]["pose"].shape == (B, 4)
    assert isinstance(multi_crop(spec).local_view, Compose)


def test_what_cannot_be_cropped_is_said():
    with pytest.raises(Problem, match="no default crops for Tokens"):
        multi_crop(Tokens(100))
