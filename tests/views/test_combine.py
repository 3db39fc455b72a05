import pytest
import torch

from allegory.core import Dice, Misuse
from allegory.views import (
    ColourJitter,
    Compose,
    Flip,
    Grey,
    Identity,
    Invert,
    Noise,
    OneOf,
    Pair,
    Part,
    ResizedCrop,
    Sobel,
    Solarize,
    Sometimes,
)


def dice(n):
    return Dice.roll(0, 0, torch.arange(n))


def noise(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_compose_is_one_after_the_other():
    x = noise(5, 3, 6, 6)
    parts = (Solarize(), Noise(0.1), Grey(0.5))
    expected = x
    for i, view in enumerate(parts):
        expected = view(expected, dice(5).split(i))
    assert torch.equal(Compose(parts)(x, dice(5)), expected)
    assert torch.equal(Compose()(x, dice(5)), x)


def test_only_what_a_view_made_is_written_into():
    """Identity, a grey channel and a choice of no row hand on the batch itself; the next view must not write into it."""
    for first, x in ((Identity(), noise(5, 3, 6, 6)), (Grey(1.0), noise(5, 1, 6, 6)), (Sometimes(Invert(), 0.0), noise(5, 3, 6, 6))):
        kept = x.clone()
        Compose((first, ColourJitter(p=1.0), Grey(1.0)))(x, dice(5))
        Compose((Compose((first,)), Compose((ColourJitter(p=1.0),))))(x, dice(5))
        assert torch.equal(x, kept)


def test_two_of_the_same_view_draw_apart():
    x = torch.zeros(50, 4)
    shown = Compose((Noise(1.0), Noise(1.0)))(x, dice(50))
    assert 1.2 < shown.std() < 1.6  # sqrt(2); a shared draw would give 2


def test_sometimes_changes_the_chosen_rows_only():
    x = noise(400, 1, 3, 3)
    shown = Sometimes(Invert(), 0.3)(x, dice(400))
    turned = (shown == -x).all(dim=(1, 2, 3))
    assert (turned | (shown == x).all(dim=(1, 2, 3))).all()
    assert 80 < turned.sum() < 160
    assert torch.equal(turned, dice(400).chance("sometimes", 0.3))


def test_one_of_is_uniform():
    x = noise(900, 1, 3, 3)
    shown = OneOf((Identity(), Invert(), Solarize((0.0, 0.0)), Noise(100.0)))(x, dice(900))
    same = (shown == x).all(dim=(1, 2, 3)).sum()
    inverted = (shown == -x).all(dim=(1, 2, 3)).sum()
    assert 170 < same < 280
    assert 380 < inverted < 520  # solarized at 0 is inverted too


def test_pair_is_two_independent_views():
    x = noise(20, 3, 6, 6)
    view = Compose((ResizedCrop(), Flip()))
    one, two = Pair(view)(x, dice(20))
    assert torch.equal(one, view(x, dice(20).split(0)))
    assert torch.equal(two, view(x, dice(20).split(1)))
    assert (one - two).abs().amax((1, 2, 3)).min() > 0.01


def test_part_leaves_the_others():
    x = {"image": noise(4, 1, 4, 4), "pose": noise(4, 3)}
    shown = Part("image", Invert())(x, dice(4))
    assert torch.equal(shown["image"], -x["image"])
    assert torch.equal(shown["pose"], x["pose"])
    with pytest.raises(Misuse, match="'depth'"):
        Part("depth", Invert())(x, dice(4))


@pytest.mark.parametrize("combine", [lambda v: Sometimes(v), lambda v: OneOf((v, Identity()))])
@pytest.mark.parametrize("view", [Sobel(), ResizedCrop(side=3)], ids=["Sobel", "ResizedCrop"])
def test_what_changes_the_shape_is_refused_for_some_rows(combine, view):
    with pytest.raises(Misuse, match="some examples only"):
        combine(view)(noise(4, 3, 6, 6), dice(4))


def test_mixed_sizes_in_a_sequence():
    assert Compose((ResizedCrop(side=4), Grey(), Sobel()))(noise(3, 3, 6, 8), dice(3)).shape == (3, 2, 4, 4)
