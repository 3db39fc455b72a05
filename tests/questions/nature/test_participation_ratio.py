import numpy as np
import pytest

from allegory.questions import put
from allegory.questions.nature.effective_rank import EffectiveRank
from allegory.questions.nature.participation_ratio import ParticipationRatio


def test_definitions_differ_on_one_set_of_codes(of_codes):
    """Variances 9, 1, 1 (and a mean of 10 along the first): (11)^2 / 83 = 1.46; the entropy of (9, 1, 1) / 11 gives 1.81."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(5000, 3)) * [3, 1, 1] + [10, 0, 0]
    scores = put(of_codes(z), [ParticipationRatio(4000), EffectiveRank()])
    p = np.array([9, 1, 1]) / 11
    assert scores.get("participation_ratio").value == pytest.approx(121 / 83, rel=0.05)
    assert scores.get("covariance_rank").value == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=0.05)
    assert scores.get("effective_rank").value < scores.get("covariance_rank").value  # here the mean is the strong direction
    assert "compare one definition only" in ParticipationRatio().words(scores)
    for s in scores:
        assert s.low <= s.value <= s.high


def test_hostile_codes(of_codes):
    assert put(of_codes(np.ones((300, 4))), [ParticipationRatio()]).get("participation_ratio").value == 1.0
    wide = put(of_codes(np.random.default_rng(1).normal(size=(60, 800))), [ParticipationRatio()])
    assert 20 < wide.get("participation_ratio").value < 36
    assert "fewer than 32" in put(of_codes(np.eye(40)), [ParticipationRatio()]).notes[0]
