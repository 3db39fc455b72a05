import pytest
import torch

from allegory.core import Array, Dice, Parts, Problem, Tokens, plain
from allegory.views import VIEWS, Affine, Blur, Flip, Noise, Pair, RandAugment, ResizedCrop, Sometimes, augment, mild


def kinds(view):
    return [type(v.view if isinstance(v, Sometimes) else v) for v in view.views]


def test_digits_are_moved_but_never_mirrored():
    view = augment(Array((1, 8, 8), levels=17), mirror=False)
    assert kinds(view)[0] is Affine
    assert Flip not in kinds(view)
    assert Flip in kinds(augment(Array((1, 8, 8)), mirror=True))


def test_colour_images_are_cropped_and_large_ones_blurred():
    small, large = augment(Array((3, 32, 32)), mirror=True), augment(Array((3, 96, 96)), mirror=False)
    assert kinds(small)[:2] == [ResizedCrop, Flip]
    assert Blur not in kinds(small)
    assert Blur in kinds(large)
    assert Flip not in kinds(large)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 8, 8), (3, 33, 40), (4, 64, 64), (2, 3, 50), (7,)])
@pytest.mark.parametrize("mirror", [False, True])
def test_every_default_runs_and_differs_between_views(shape, mirror):
    view = augment(Array(shape), mirror)
    x = torch.rand(5, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    one, two = Pair(view)(x, Dice.roll(0, 0, torch.arange(5)))
    assert one.shape == x.shape
    assert (one - two).abs().flatten(1).amax(1).min() > 0
    assert plain.restore(plain.plain(view), VIEWS) == view


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 40, 40)])
def test_a_mild_view_only_shifts_an_image(shape):
    x = -torch.ones(50, *shape)  # black
    x[..., shape[1] // 2, shape[2] // 2] = 0
    shown = mild(Array(shape))(x, Dice.roll(0, 0, torch.arange(50))) + 1
    rows, columns = (shown.sum((1, d)) for d in (3, 2))
    middle = [(sums * torch.arange(sums.shape[1])).sum(1) / sums.sum(1) for sums in (rows, columns)]
    assert all(0 < (m - shape[1] // 2).abs().max() <= shape[1] / 10 + 1e-4 for m in middle)
    torch.testing.assert_close(shown.sum((1, 2, 3)), torch.full((50,), float(shape[0])), atol=1e-4, rtol=0)  # no light is lost
    assert kinds(mild(Array(shape), mirror=True)) == [Affine, Flip] and mild(Array((7,))) == Noise(0.1)


@pytest.mark.parametrize("view", [augment, mild])
def test_parts_each_have_their_own(view):
    spec = Parts({"image": Array((1, 8, 8)), "pose": Array((3,))})
    x = {"image": torch.zeros(4, 1, 8, 8), "pose": torch.ones(4, 3)}
    shown = view(spec)(x, Dice.roll(0, 0, torch.arange(4)))
    assert (shown["image"] != x["image"]).any()
    assert (shown["pose"] != x["pose"]).any()


def test_unknown_specs_are_named():
    with pytest.raises(Problem, match="Tokens"):
        augment(Tokens(100))


def test_rand_augment_does_more_at_a_greater_magnitude():
    x = torch.rand(200, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    dice = Dice.roll(0, 0, torch.arange(200))
    mild, strong = (((RandAugment(1, m)(x, dice) - x) ** 2).mean() for m in (0.05, 0.9))
    assert strong > 1.5 * mild
    untouched = (RandAugment(1, 0.5)(x, dice) == x).all(dim=(1, 2, 3)).float().mean()
    assert 0.02 < untouched < 0.25  # one of 14 is the identity
