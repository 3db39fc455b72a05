import numpy as np
import pytest

from allegory.questions import put
from allegory.questions.nature.sparsity import Sparsity


def test_one_number_an_item_and_all_alike(of_codes):
    n = 400
    hot = np.eye(8)[np.arange(n) % 8] * np.arange(1, n + 1)[:, None]
    scores = put(of_codes(hot), [Sparsity()])
    assert scores.get("hoyer").value == pytest.approx(1.0)
    assert scores.get("hoyer", "noise").value == pytest.approx(0.26, abs=0.06)
    assert "Each item uses few" in Sparsity().words(scores)
    signs = np.random.default_rng(0).choice([-2.0, 2.0], size=(n, 8))
    assert put(of_codes(signs), [Sparsity()]).get("hoyer").value == pytest.approx(0.0, abs=1e-6)


def test_hostile_codes(of_codes):
    assert "neither sparse nor dense" in put(of_codes(np.ones((300, 1))), [Sparsity()]).notes[0]
    assert "all codes are zero" in put(of_codes(np.zeros((300, 5))), [Sparsity()]).notes[0]
    assert "fewer than 32" in put(of_codes(np.ones((100, 5))), [Sparsity()]).notes[0]
