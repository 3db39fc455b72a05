"""Sprites: geometry, factors, keys without rendering."""

import time

import numpy as np
import pytest

from allegory.core import Misuse
from allegory.data import PARTS, open_source
from allegory.data.sprites import ELLIPSE, FULL, REACH, SQUARE, Sprites, render


def one(shape: int, scale: float = 1.0, angle: float = 0.0, x: float = 0.5, y: float = 0.5, size: int = 64) -> np.ndarray:
    values = [np.array([v]) for v in (scale, angle, x, y)]
    return render(np.array([shape]), *values, size=size)[0].astype(float) / 255


@pytest.mark.parametrize(("shape", "area"), [(0, (2 * SQUARE) ** 2), (1, np.pi * ELLIPSE[0] * ELLIPSE[1])])
@pytest.mark.parametrize("angle", [0.0, 0.3, 1.2])
def test_the_area_is_that_of_the_shape(shape, area, angle):
    # anti-aliased: the sum over pixels is the area to 1 %, where thresholded pixels would be off by several
    assert one(shape, angle=angle).sum() / 64**2 == pytest.approx(area, rel=0.01)
    assert one(shape, 0.5, angle).sum() / 64**2 == pytest.approx(area / 4, rel=0.02)


def test_a_square_has_sharp_straight_edges_where_they_should_be():
    image = one(0, size=50)  # the edge of the square lies at 25 +- 8 pixels
    assert (image[17:33, 17:33] == 1).all() and image.sum() == pytest.approx(256, abs=1e-9)


def test_an_edge_between_pixels_is_shared():
    image = one(0, 0.95, size=64)  # half a side is 9.728 pixels: the pixel from 41 to 42 is covered by 0.728
    assert image[32, 41] == pytest.approx(0.728, abs=0.003) and image[32, 42] == 0 and image[32, 40] == 1


def test_x_is_the_column_and_y_the_row():
    rows, columns = np.nonzero(one(1, x=0.9, y=0.2))
    assert columns.mean() + 0.5 == pytest.approx((0.25 + 0.5 * 0.9) * 64, abs=0.1)
    assert rows.mean() + 0.5 == pytest.approx((0.25 + 0.5 * 0.2) * 64, abs=0.1)


def test_the_ellipse_turns_clockwise_and_is_wide_at_angle_zero():
    wide = np.argwhere(one(1) > 0.5)
    assert np.ptp(wide[:, 1]) > 1.5 * np.ptp(wide[:, 0])
    turned = np.argwhere(one(1, angle=np.pi / 4) > 0.5) - 31.5
    assert (turned[:, 0] * turned[:, 1]).mean() > 0  # with rows downwards, clockwise: right end goes down


def test_the_heart_is_symmetric_with_its_tip_down():
    image = one(2)
    assert np.allclose(image, image[:, ::-1], atol=1 / 255)
    rows = np.flatnonzero(image.sum(1))
    assert image[rows[-3]].sum() < 0.3 * image[rows[5]].sum()


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_no_shape_is_cut_off(shape):
    for angle in np.linspace(0, 6, 13):
        image = one(shape, angle=angle)
        rows, columns = np.nonzero(image)
        reach = np.hypot(rows - 31.5, columns - 31.5).max() / 64
        assert reach < REACH + 1.0 / 64  # a pixel's half diagonal beyond the edge, at most
        corner = one(shape, angle=angle, x=0.0, y=1.0)
        assert corner.sum() == pytest.approx(image.sum(), rel=0.01)


def test_looking_the_same_is_having_the_same_key():
    grid = Sprites(32, (1, 3, 2, 8, 2, 2))
    images, keys = grid[np.arange(len(grid))].reshape(len(grid), -1), grid.keys()
    same_image = (images[:, None] == images[None]).all(-1)
    same_key = keys[:, None] == keys[None]
    assert (same_image == same_key).all()
    # per shape of 8 angles x 8 others: squares have 2 looks, ellipses 4, hearts 8
    assert len(set(keys.tolist())) == 8 * (2 + 4 + 8)


def test_factors_run_as_in_dsprites():
    source = open_source("sprites:size=16,orientations=8,xs=8,ys=8")
    f = source.factors
    assert f is not None and f.names == ("colour", "shape", "scale", "orientation", "x", "y") and f.sizes == (1, 3, 6, 8, 8, 8)
    assert f.values[0].tolist() == [0] * 6 and f.values[1].tolist() == [0, 0, 0, 0, 0, 1] and f.values[-1].tolist() == [0, 2, 5, 7, 7, 7]
    assert source.labels is not None and source.labels.names == ("square", "ellipse", "heart")
    assert (source.labels.values == f.values[:, 1]).all() and len(source) == 3 * 6 * 8 * 8 * 8


def test_all_of_dsprites_can_be_opened_and_split_without_rendering(monkeypatch):
    monkeypatch.setattr("allegory.data.sprites.render", None)
    start = time.perf_counter()
    source = open_source("sprites:size=64,orientations=40,xs=32,ys=32")
    sizes = [len(source.part(p)) for p in PARTS]
    assert sum(sizes) == 737_280 == np.prod(FULL) and source.item_bytes == 64 * 64
    assert time.perf_counter() - start < 10  # about one second here; rendering would take minutes


def test_items_do_not_depend_on_what_is_asked_with_them():
    source = open_source("sprites:size=16,orientations=4,xs=4,ys=4")
    index = np.random.default_rng(0).permutation(len(source))[:700]  # more than one chunk
    whole = source.take(index)
    assert whole.dtype == np.uint8 and whole.shape == (700, 1, 16, 16)
    assert all((source.take(index[i : i + 1])[0] == whole[i]).all() for i in (0, 511, 512, 699))


def test_fewer_values_and_single_ones():
    source = open_source("sprites", size=16, shapes=1, scales=1, orientations=1, xs=1, ys=3)
    x = source.take(slice(None))
    assert x.shape[0] == 3 and x[1, 0].argmax() and (x[1, 0] == x[1, 0].T).all()  # x and y in the middle


@pytest.mark.parametrize("options", [{"size": 20}, {"xs": 0}, {"orientations": 41}, {"scales": "many"}])
def test_impossible_grids_are_refused(options):
    with pytest.raises(Misuse, match=r"sprites: expected"):
        open_source("sprites", **options)
