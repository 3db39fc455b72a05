"""Noise and missing numbers, in the units of what is stored."""

import numpy as np
import pytest

from allegory import data
from allegory.core import Array
from allegory.data import Column
from allegory.questions.corrupted import Scale, Scales


def test_pixels_by_hand():
    """Two images of two channels of 2 x 2: the channels are 0 and 3, so the middles are 0 and 3, and the range is 15 levels' 14."""
    sample = np.stack([np.zeros((2, 2, 2)), np.zeros((2, 2, 2))]).astype(np.uint8)
    sample[:, 1] = 3
    scale = Scale.of(Array((2, 2, 2), levels=15), sample)
    assert float(scale.unit) == 14.0 and scale.middle.ravel().tolist() == [0.0, 3.0]
    x = np.full((50, 2, 2, 2), 9, dtype=np.uint8)
    masked = scale.masked(x, 0.5, np.random.default_rng(0))
    assert masked.dtype == np.uint8
    gone = masked[:, 0] == 0
    assert np.array_equal(masked[:, 1] == 3, gone)  # a pixel goes with all its channels
    assert (gone.sum((1, 2)) == 2).all()  # exactly half of the four
    assert len({tuple(g.ravel()) for g in gone}) > 3  # not the same places for every item


def test_noise_is_rounded_and_stays_within_the_levels():
    scale = Scale.of(Array((1, 50, 50), levels=256), np.zeros((1, 1, 50, 50), dtype=np.uint8))
    noisy = scale.noisy(np.full((4, 1, 50, 50), 128, dtype=np.uint8), 0.1, np.random.default_rng(0))
    assert noisy.dtype == np.uint8 and noisy.astype(float).std() == pytest.approx(25.5, rel=0.05)
    dark = scale.noisy(np.zeros((4, 1, 50, 50), dtype=np.uint8), 0.1, np.random.default_rng(0))
    assert (dark == 0).mean() == pytest.approx(0.5, abs=0.03)  # below zero is not stored


def test_columns_by_hand():
    """Numbers -1, 1 have standard deviation 1 and mean 0; 5, 5 do not vary; categories have neither; whole numbers become real ones."""
    columns = (Column("a"), Column("b"), Column("c", "category", ("x", "y")))
    scale = Scale.of(Array((3,)), np.array([[-1.0, 5.0, 0.0], [1.0, 5.0, 1.0], [np.nan, 5.0, 1.0]]), columns)
    assert scale.unit.tolist() == [1.0, 0.0, 0.0] and scale.middle.tolist() == [0.0, 5.0, -1.0]
    x = np.zeros((4000, 3))
    noisy = scale.noisy(x, 0.5, np.random.default_rng(0))
    assert noisy.std(0) == pytest.approx([0.5, 0.0, 0.0], abs=0.02)
    assert scale.masked(x, 1.0, np.random.default_rng(0))[0].tolist() == [0.0, 5.0, -1.0]
    whole = Scale.of(Array((2,)), np.array([[0, 10], [2, 10]]))
    assert whole.noisy(np.array([[1, 10]]), 0.1, np.random.default_rng(0)).dtype == np.float64


def test_a_column_never_seen_and_images_without_levels():
    empty = Scale.of(Array((1,)), np.array([[np.nan], [np.inf]]))
    assert empty.unit.tolist() == [0.0] and empty.middle.tolist() == [0.0]
    real = Scale.of(Array((1, 1, 2)), np.array([[[[-2.0, 4.0]]]]))
    assert (real.low, real.high, float(real.unit), real.middle.ravel().tolist()) == (-2.0, 4.0, 6.0, [1.0])
    assert Scale.of(Array((1, 1, 2)), np.full((1, 1, 1, 2), np.nan)).high == 1.0


def test_parts_are_changed_each_in_its_own_units():
    rng = np.random.default_rng(0)
    source = data.open_source({"left": rng.normal(size=(40, 3)), "right": 100.0 * rng.normal(size=(40, 2))})
    stored = source.take(slice(None))
    scales = Scales.of(source, stored)
    moved = scales.changed(stored, lambda scale, x, rng: scale.noisy(x, 0.1, rng), np.random.default_rng(1))
    assert set(moved) == {"left", "right"}
    assert (moved["left"] - stored["left"]).std() == pytest.approx(0.1, rel=0.3)
    assert (moved["right"] - stored["right"]).std() == pytest.approx(10.0, rel=0.3)


def test_series_have_one_scale_a_channel():
    x = np.stack([np.array([[0.0, 0, 0, 0], [10, 10, 30, 30]]), np.array([[2.0, 2, 2, 2], [10, 10, 30, 30]])])
    scale = Scale.of(Array((2, 4)), x)
    assert scale.unit[0, :, 0].tolist() == [1.0, 10.0] and scale.middle[0, :, 0].tolist() == [1.0, 20.0]
    assert (scale.masked(x, 1.0, np.random.default_rng(0)) == np.array([1.0, 20.0])[:, None]).all()
    assert scale.noisy(x, 1.0, np.random.default_rng(0)).std(axis=2)[0, 0] > 0.1, "also where all items agree"
