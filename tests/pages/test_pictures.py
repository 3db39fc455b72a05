import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from allegory.core import Array, Parts
from allegory.data import Intake
from allegory.pages import pictures


def opened(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB")).astype(int)


def test_stored_pixels_come_back_as_they_were(images):
    x = images.take(np.arange(5))
    assert (pictures.stored(Intake.fit(images, np.arange(90)), x) == x.transpose(0, 2, 3, 1)).all()


def test_minus_one_is_black_one_is_white_and_what_is_not_finite_black():
    x = torch.tensor([-1.0, 1.0, 0.0, float("nan")]).view(1, 1, 2, 2)
    assert pictures.seen(Array((1, 2, 2)), x)[0, ..., 0].tolist() == [[0, 255], [128, 0]]


def test_two_channels_are_shown_grey_and_more_than_three_by_the_first_three():
    x = torch.linspace(-1, 1, 5).view(1, 5, 1, 1)
    assert pictures.seen(Array((5, 1, 1)), x)[0, 0, 0].tolist() == [0, 64, 128]
    assert pictures.seen(Array((2, 1, 1)), x[:, :2])[0, 0, 0].tolist() == [0, 0, 0]


def test_the_picture_of_several_parts_is_the_first_image():
    spec = Parts({"pose": Array((3,)), "image": Array((1, 2, 2), levels=256)})
    assert pictures.image_part(spec) == "image" and pictures.image_part(Array((3,))) is None and pictures.image_part(Array((1, 4, 4))) == ""
    assert pictures.seen(spec, {"pose": torch.zeros(1, 3), "image": torch.ones(1, 1, 2, 2)}).min() == 255


@pytest.mark.parametrize(("n", "side", "tolerance"), [(50, 8, 0), (30, 40, 0), (3000, 30, 24)])
def test_every_tile_of_the_atlas_is_its_item(n, side, tolerance):
    rng = np.random.default_rng(0)
    x = np.repeat(rng.integers(0, 256, (n, 1, 1, 3)), side * side, 1).reshape(n, side, side, 3).astype(np.uint8)
    sheet = pictures.Sheet(n, side, side)
    for start in range(0, n, 1024):
        sheet.add(x[start : start + 1024])
    atlas = sheet.atlas()
    whole = opened(atlas.uri)
    for i in rng.choice(n, 20):
        top, left = (i // atlas.columns) * atlas.tile, (i % atlas.columns) * atlas.tile
        tile = whole[top : top + atlas.height, left : left + atlas.width]
        assert abs(tile - x[i, 0, 0]).max() <= tolerance  # JPEG: flat blocks come back nearly as they were


def test_the_atlas_keeps_within_its_bytes_and_its_side():
    x = np.random.default_rng(0).integers(0, 256, (500, 64, 64, 3), dtype=np.uint8)
    sheet = pictures.Sheet(500, 64, 64)
    sheet.add(x)
    atlas = sheet.atlas(150_000)
    assert len(atlas.uri) < 150_000 * 1.4
    assert atlas.columns * atlas.tile <= pictures.ATLAS_SIDE


def test_tall_pictures_keep_their_form():
    x = np.zeros((2, 200, 100, 3), np.uint8)
    assert pictures.resized(x, 50).shape == (2, 50, 25, 3)
    sheet = pictures.Sheet(2, 200, 100)
    sheet.add(x)
    assert (sheet.atlas().width, sheet.atlas().height) == (32, 64)


def test_a_picture_says_what_it_is():
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    for picture in (noise, np.zeros((8, 8, 3), np.uint8)):
        uri = pictures.uri(picture)
        kind = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).format.lower()
        assert uri.startswith(f"data:image/{kind};")


def test_a_grid_has_its_pictures_in_reading_order():
    x = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((5, 2, 2, 3), np.uint8)
    sheet = pictures.grid(x, 3)
    assert sheet.shape == (5, 8, 3)
    assert [sheet[0, 0, 0], sheet[0, 3, 0], sheet[0, 6, 0], sheet[3, 0, 0], sheet[3, 3, 0], sheet[0, 2, 0]] == [0, 1, 2, 3, 4, 128]
