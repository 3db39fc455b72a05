"""The prequential code: blocks, bits by hand, and codes that tell all or nothing."""

import dataclasses

import numpy as np
import pytest
import torch

from allegory.questions import CodeSet, logistic, put
from allegory.questions.uses.bits import Bits, _bits, blocks, written


def test_blocks_double():
    assert blocks(64) == [0, 8, 16, 32, 64] and blocks(100) == [0, 13, 25, 50, 100] and blocks(16) == [0, 8, 16]
    assert all(b <= 2 * a for a, b in zip(blocks(5000)[1:-1], blocks(5000)[2:], strict=True))


def test_bits_by_hand():
    """Weights 0 and biases log 3, 0: p = (3/4, 1/4); after 3 labels it is mixed 3/4 to 1/4 with (1/2, 1/2): 11/16 and 5/16."""
    found = logistic.Linear(torch.zeros(1, 2, 2).double(), torch.tensor([[np.log(3.0), 0.0]]))
    bits = _bits(found, torch.zeros(2, 2).double(), torch.tensor([0, 1]), 3)
    assert bits.tolist() == pytest.approx([-np.log2(11 / 16), -np.log2(5 / 16)])


def test_the_first_block_is_uniform_and_the_rest_is_learned():
    rng = np.random.default_rng(0)
    y = torch.as_tensor(rng.integers(0, 4, 1024))
    z = 10.0 * torch.eye(4, dtype=torch.float64)[y]
    spent = written(z, y, 4)
    assert (
        spent[:8].tolist() == [2.0] * 8
        and spent[512:].mean() < 0.05
        and (np.diff([spent[a:b].mean() for a, b in ((16, 64), (64, 1024))]) < 0)
    )


def test_noise_saves_nothing_and_truth_nearly_all(make_features):
    features = make_features(n=2000, classes=4, apart=0.0)
    truth = torch.eye(4)[features.labels] * 5.0
    features = dataclasses.replace(features, sets={None: CodeSet((truth,)), "pca": features.sets[None]})
    scores = put(features, [Bits()])
    assert scores.get("bits_saved").value > 1.9 and scores.get("compression").value > 20
    assert -0.15 < scores.get("bits_saved", "pca").value < 0.02 and scores.get("compression", "pca").value == pytest.approx(1, abs=0.07)
    assert scores.get("gain in bits_saved", "pca").value > 1.8
    assert "times shorter (PCA of the same size 1.0)" in Bits().words(scores)
    (picture,) = scores.pictures["bits"]
    assert picture.level == 2.0 and picture.curves[0].y[-1] < 0.1 < picture.curves[0].y[0]


def test_it_is_near_the_entropy_that_is_left():
    """Two classes with p(y = 1 | z) = sigmoid(2 z), z = -1, 1 at equal shares: 0.527 bits a label are left, and learning costs little."""
    rng = np.random.default_rng(0)
    z = rng.choice([-1.0, 1.0], 4000)
    p = 1 / (1 + np.exp(-2.0))
    y = (rng.random(4000) < np.where(z > 0, p, 1 - p)).astype(np.int64)
    left = -p * np.log2(p) - (1 - p) * np.log2(1 - p)
    spent = written(torch.as_tensor(z)[:, None], torch.as_tensor(y), 2)
    assert left < spent.mean() + 0.02 and spent.mean() == pytest.approx(left, abs=0.03)


def test_a_class_that_comes_late_costs_a_finite_number_of_bits():
    y = torch.zeros(64, dtype=torch.int64)
    y[40] = 1
    spent = written(torch.zeros(64, 3).double(), y, 2)
    assert np.isfinite(spent).all() and 4 < spent[40] <= np.log2(2 * 33)


def test_what_cannot_be_asked_is_said(make_features):
    features = make_features(n=400)
    few = dataclasses.replace(features, parts={**features.parts, "train": features.parts["train"][:10]})
    assert put(few, [Bits()]).notes == ("bits was not asked: fewer than 16 training items have a label",)
    flat = dataclasses.replace(features, sets={None: CodeSet((torch.zeros(400, 4),))})
    assert put(flat, [Bits()]).get("bits_saved").value == pytest.approx(0.0, abs=0.05)
