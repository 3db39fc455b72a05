import numpy as np
import pytest

from allegory import data
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.nature.equivariance import Equivariance


@pytest.fixture(scope="module")
def digits():
    return data.open_source("digits")


def asked(f, source):
    features, _ = gather(f, source, ("raw input",))
    return put(features, [Equivariance(most=300)])


def test_row_sums_ignore_a_flip_and_column_sums_follow_it(digits):
    rows = asked(lambda x: x.astype(float).sum((1, 3)), digits)
    assert rows.get("invariance_error of flip").value == pytest.approx(0.0, abs=1e-9)
    assert rows.get("invariance_error of turn").value > 0.01
    columns = asked(lambda x: x.astype(float).sum((1, 2)), digits)
    assert columns.get("invariance_error of flip").value > 0.3
    assert columns.get("equivariance_error of flip").value < 1e-4
    assert columns.get("equivariance_error of shift").value < 1e-2  # the first column is repeated, the last one is lost
    assert "Flipped, the code moves" in Equivariance().words(columns)
    assert "lawfully: 100%" in Equivariance().words(columns)
    assert "Flipped, the code hardly notices" in Equivariance().words(rows)


def test_a_scrambled_code(digits):
    weights = np.random.default_rng(0).normal(size=(64, 4))
    scores = asked(lambda x: np.sin(x.reshape(len(x), -1) @ weights * 3.0), digits)
    assert scores.get("invariance_error of flip").value == pytest.approx(1.0, abs=0.15)
    assert scores.get("equivariance_error of flip").value == pytest.approx(1.0, abs=0.1)
    assert "in no linear way" in Equivariance().words(scores)
    score = scores.get("invariance_error of flip")
    assert score.low < score.value < score.high


def test_changes_by_hand():
    x = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)
    ask = Equivariance(shift=0.25, degrees=90)
    assert ask.changed(x, "flip")[0, 0, 0].tolist() == [3, 2, 1, 0]
    assert ask.changed(x, "shift")[0, 0, 1].tolist() == [4, 4, 5, 6]
    turned = ask.changed(x, "turn")
    assert turned.dtype == np.uint8
    assert turned[0, 0].tolist() in (np.rot90(x[0, 0], 1).tolist(), np.rot90(x[0, 0], -1).tolist())


def test_codes_without_an_encoder_and_collapsed_ones(digits):
    features, _ = gather(np.zeros((len(digits), 3)), digits, ())
    assert "method that can encode" in put(features, [Equivariance()]).notes[0]
    assert "collapsed" in asked(lambda x: np.ones((len(x), 3)), digits).notes[0]
