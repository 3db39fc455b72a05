"""What holds for every view: rows are independent, inputs are left alone, float64 works, JSON carries it, chance repeats."""

import dataclasses

import pytest
import torch

from allegory import views
from allegory.core import Dice, plain, tree
from allegory.views import VIEWS, Compose, Flip, Invert, Noise, OneOf, Pair, Part, ResizedCrop, Sometimes
from allegory.views import view as engine

COMBINED = {
    "Compose": Compose((ResizedCrop(), Flip(), views.Affine(), views.ColourJitter(), views.Grey(), views.Blur())),
    "Sometimes": Sometimes(views.Blur(), 0.5),
    "OneOf": OneOf((Invert(), Noise(), views.ColourJitter())),
    "Pair": Pair(Compose((ResizedCrop(), Noise()))),
    "Part": Part("image", Compose((ResizedCrop(), Noise()))),
}
ALL = [COMBINED.get(name) or cls() for name, cls in VIEWS.items()]
each = pytest.mark.parametrize("view", ALL, ids=lambda v: type(v).__name__)
N = 11


def batch(view, dtype=torch.float32):
    x = (torch.rand(N, 3, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1).to(dtype)
    return {"image": x, "pose": x[:, 0, 0]} if isinstance(view, Part) else x


def dice(seed=0):
    return Dice.roll(seed, 3, torch.arange(100, 100 + N))


def assert_near(a, b):
    for one, other in zip(tree.leaves(a), tree.leaves(b), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


@each
def test_a_row_depends_on_itself_and_its_dice_only(view, monkeypatch):
    x = batch(view)
    whole = view(x, dice())
    some = torch.tensor([7, 2, 9, 2])
    assert_near(view(tree.take(x, some), dice().take(some)), tree.take(whole, some))
    stranger = tree.map(lambda leaf: torch.cat([leaf[:3], 0.1 * leaf[3:] + 0.3]), x)
    assert_near(tree.take(view(stranger, dice()), slice(0, 3)), tree.take(whole, slice(0, 3)))
    monkeypatch.setattr(engine, "CACHE_BYTES", 4000)
    assert_near(view(x, dice()), whole)


@each
def test_the_input_is_left_alone_and_chance_repeats(view):
    x, state = batch(view), torch.get_rng_state()
    kept = tree.map(torch.clone, x)
    first, again = view(x, dice()), view(x, dice())
    assert all(torch.equal(a, b) for a, b in zip(tree.leaves(first), tree.leaves(again), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(tree.leaves(x), tree.leaves(kept), strict=True))
    assert torch.equal(torch.get_rng_state(), state)


@each
def test_chance_differs_between_seeds_where_there_is_any(view):
    x = batch(view)
    certain = (
        views.Identity,
        views.Invert,
        views.Posterize,
        views.AutoContrast,
        views.Equalize,
        views.Sobel,
        views.Solarize,
        views.Windows,
        views.Uncolour,
        views.Channels,
    )
    same = all(torch.equal(a, b) for a, b in zip(tree.leaves(view(x, dice(0))), tree.leaves(view(x, dice(1))), strict=True))
    assert same == isinstance(view, certain)


@each
def test_float64_is_float32_with_more_digits(view):
    wide, narrow = view(batch(view, torch.float64), dice()), view(batch(view), dice())
    for a, b in zip(tree.leaves(wide), tree.leaves(narrow), strict=True):
        if b.is_floating_point():
            assert a.dtype == torch.float64
            assert b.dtype == torch.float32
            assert (a - b).abs().quantile(0.999) < 1e-4  # a level of posterize or equalize may round the other way
        else:
            assert torch.equal(a, b)


@each
def test_json_carries_it(view):
    assert plain.restore(plain.plain(view), VIEWS) == view
    assert hash(view) == hash(plain.restore(plain.plain(view), VIEWS))
    assert dataclasses.is_dataclass(view)


@each
def test_images_stay_finite_and_shapes_are_announced(view):
    x = batch(view)
    shown = view(x, dice())
    assert all(torch.isfinite(leaf).all() for leaf in tree.leaves(shown))
    if not isinstance(view, (views.Masks, views.Rotations)):
        announced = view.shape(tree.map(lambda leaf: tuple(leaf.shape[1:]), x))
        assert tree.map(lambda leaf: tuple(leaf.shape[1:]), shown) == announced


@each
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_any_number_of_channels(view, channels):
    x = torch.rand(3, channels, 8, 8) * 2 - 1
    x = {"image": x} if isinstance(view, Part) else x
    shown = view(x, dice().take(slice(0, 3)))
    assert all(len(leaf) == 3 and torch.isfinite(leaf).all() for leaf in tree.leaves(shown))


@each
def test_the_layout_in_memory_does_not_matter(view):
    x = batch(view)
    other = tree.map(lambda leaf: leaf.to(memory_format=torch.channels_last) if leaf.ndim == 4 else leaf.t().contiguous().t(), x)
    assert_near(view(other, dice()), view(x, dice()))


@each
def test_everything_is_made_on_the_device_of_the_batch(view):
    """On torch's device without memory: any tensor left on the CPU, or any wait for a value, is an error there."""
    shown = view(tree.to(batch(view), "meta"), dice().to("meta"))
    here = view(batch(view), dice())
    for there, leaf in zip(tree.leaves(shown), tree.leaves(here), strict=True):
        assert there.device.type == "meta"
        assert there.shape == leaf.shape
        assert there.dtype == leaf.dtype


def test_an_accelerators_way_to_choose_rows_gives_the_same(monkeypatch):
    """`put` looks at the device only, so a stand-in for the CPU's name is enough to go the other way."""
    view, x = COMBINED["OneOf"], batch(COMBINED["OneOf"])
    chosen_first = view(x, dice())
    monkeypatch.setattr(engine, "CPU", "another")
    assert_near(view(x, dice()), chosen_first)


@each
def test_an_empty_batch(view):
    shown = view(tree.take(batch(view), slice(0, 0)), dice().take(slice(0, 0)))
    assert tree.length(shown) == 0


def test_the_schema_is_closed_and_complete():
    def leaves(cls):
        return {cls} | {s for sub in cls.__subclasses__() for s in leaves(sub)}

    public = {c for c in leaves(views.View) if c.__module__.startswith("allegory.views")}
    known = set(VIEWS.values())
    assert public - known == {views.View, views.Geometry, engine.View, *(c for c in public if c.__name__ == "Fused")}
