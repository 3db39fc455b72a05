import numpy as np
import pytest

from allegory.questions import put
from allegory.questions.nature.compactness import Compactness


def test_ten_numbers_of_which_three_move(of_codes):
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(size=(1000, 3)), 1e-4 * rng.normal(size=(1000, 7))], 1) + 5
    scores = put(of_codes(z), [Compactness()])
    assert scores.get("size").value == 10
    assert scores.get("numbers_in_use").value == 3
    assert scores.get("directions").value == pytest.approx(2.85, abs=0.03)  # 95 % of three alike
    assert "Of 10 numbers 3 are in use, and 3 directions hold 95%" in Compactness().words(scores)
    turn = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    turned = put(of_codes(z @ turn), [Compactness()])
    assert turned.get("numbers_in_use").value == 10
    assert turned.get("directions").value == pytest.approx(scores.get("directions").value, rel=1e-3)


def test_hostile_codes(of_codes):
    assert "collapsed" in put(of_codes(np.ones((300, 4))), [Compactness()]).notes[0]
    wide = put(of_codes(np.random.default_rng(1).normal(size=(100, 400))), [Compactness()])
    assert 40 < wide.get("directions").value < 60
