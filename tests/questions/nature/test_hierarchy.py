import numpy as np
import pytest

from allegory.questions import put
from allegory.questions.nature.hierarchy import Hierarchy


def test_groups_within_groups_and_a_plain_cloud(of_codes):
    rng = np.random.default_rng(0)
    n = 1000
    group = rng.integers(0, 16, n)
    tree = 20 * np.eye(4)[group // 4] @ rng.normal(size=(4, 12)) + 5 * rng.normal(size=(16, 12))[group] + 0.5 * rng.normal(size=(n, 12))
    scores = put(of_codes(tree), [Hierarchy()])
    assert scores.get("cophenetic").value > 0.9
    assert "more like a tree" in Hierarchy().words(scores)
    plain = put(of_codes(rng.normal(size=(n, 12))), [Hierarchy()])
    assert plain.get("cophenetic").value == pytest.approx(plain.get("cophenetic", "noise").value, abs=0.1)
    assert "no more like a tree" in Hierarchy().words(plain)


def test_hostile_codes(of_codes):
    assert "collapsed" in put(of_codes(np.ones((300, 4))), [Hierarchy()]).notes[0]
    wide = put(of_codes(np.random.default_rng(1).normal(size=(200, 900))), [Hierarchy()])
    assert wide.get("cophenetic").low <= wide.get("cophenetic").value
