import numpy as np
import pytest

from allegory.questions import put
from allegory.questions.nature.class_separation import ClassSeparation


def test_share_between_classes(of_codes):
    """Two classes at -1 and 1 with a spread of 1 in one dimension: half of the variance of 2 lies between them."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 4000)
    scores = put(of_codes((2 * y - 1 + rng.normal(size=4000))[:, None], data=rng.normal(size=(4000, 3)), labels=y), [ClassSeparation()])
    own, raw = scores.get("between"), scores.get("between", "raw input")
    assert own.value == pytest.approx(0.5, abs=0.04)
    assert own.low < 0.5 < own.high
    assert raw.value == pytest.approx(0.0, abs=0.01)
    assert scores.get("gain in between", "raw input").value == pytest.approx(own.value - raw.value)
    assert "lie somewhat together" in ClassSeparation().words(scores) or "lie close together" in ClassSeparation().words(scores)


def test_hostile_codes(of_codes):
    y = np.arange(300) % 3
    assert "collapsed" in put(of_codes(np.ones((300, 4)), labels=y), [ClassSeparation()]).notes[0]
    assert "no labels" in put(of_codes(np.ones((300, 4))), [ClassSeparation()]).notes[0]
    one = np.where(np.arange(300) % 5 == 4, 0, y)
    rng = np.random.default_rng(1)
    assert "one class only" in put(of_codes(rng.normal(size=(300, 4)), labels=one), [ClassSeparation()]).notes[0]
    wide = put(of_codes(rng.normal(size=(300, 900)), labels=y), [ClassSeparation()])
    assert wide.get("between").value == pytest.approx(0.0, abs=0.02)
