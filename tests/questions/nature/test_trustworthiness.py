import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from allegory.questions import put
from allegory.questions.nature.trustworthiness import Trustworthiness


def test_values_and_the_floor(of_codes):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 6))
    scores = put(of_codes(x[:, :2], data=x), [Trustworthiness()])
    kept, torn = scores.get("trustworthiness"), scores.get("continuity")
    assert kept.value == pytest.approx(trustworthiness(x[4::5], x[4::5, :2], n_neighbors=12), abs=1e-6)
    assert torn.value == pytest.approx(trustworthiness(x[4::5, :2], x[4::5], n_neighbors=12), abs=1e-6)
    assert 0.6 < kept.value < torn.value  # a projection brings far items together, and tears nothing apart
    assert kept.low < kept.value < kept.high
    assert scores.get("trustworthiness", "noise").value == pytest.approx(0.5, abs=0.05)
    assert scores.get("trustworthiness", "raw input") is None
    assert f"at {kept.value:.3f} of 1 (codes that know nothing" in Trustworthiness().words(scores)


def test_without_data_and_with_few_items(of_codes):
    z = np.random.default_rng(1).normal(size=(300, 3))
    assert "not at hand" in put(of_codes(z), [Trustworthiness()]).notes[0]
    assert "fewer than 48" in put(of_codes(z[:200], data=z[:200]), [Trustworthiness()]).notes[0]


def test_hostile_codes(of_codes):
    x = np.random.default_rng(2).normal(size=(400, 4))
    constant = put(of_codes(np.ones((400, 2)), data=x), [Trustworthiness()])
    assert constant.get("trustworthiness").value < 0.7
    wide = put(of_codes(np.concatenate([x] * 100, 1), data=x), [Trustworthiness()])
    assert wide.get("trustworthiness").value == 1.0
