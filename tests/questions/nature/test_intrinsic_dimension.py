import numpy as np
import pytest

from allegory.questions import put
from allegory.questions.nature.intrinsic_dimension import IntrinsicDimension

METRICS = ("two_nn", "maximum_likelihood", "local_pca")


def test_a_bent_plane_in_twelve_dimensions(of_codes):
    rng = np.random.default_rng(0)
    u = rng.uniform(size=(3000, 2))
    data = np.sin(u @ rng.normal(size=(2, 12)))
    scores = put(of_codes(u[:, :1] * 3, data=data), [IntrinsicDimension()])
    for metric in METRICS:
        assert scores.get(metric).value == pytest.approx(1, abs=0.1)
        assert scores.get(metric, "raw input").value == pytest.approx(2, abs=0.2)
        assert scores.get(metric).low <= scores.get(metric).value <= scores.get(metric).high
    assert "has let go of some ways" in IntrinsicDimension().words(scores)
    turned = put(of_codes(data @ rng.normal(size=(12, 20)), data=data), [IntrinsicDimension()])
    assert "as many as the data" in IntrinsicDimension().words(turned)
    noisy = put(of_codes(np.concatenate([data, rng.normal(size=(3000, 4))], 1), data=data), [IntrinsicDimension()])
    assert "do not, as with noise" in IntrinsicDimension().words(noisy)


def test_copies_say_nothing(of_codes):
    u = np.repeat(np.random.default_rng(1).uniform(size=(400, 3)), 5, 0)
    assert put(of_codes(u), [IntrinsicDimension()]).get("two_nn").value == pytest.approx(3, abs=0.6)


def test_hostile_codes(of_codes):
    assert "only 1 of the codes differ" in put(of_codes(np.ones((400, 4))), [IntrinsicDimension()]).notes[0]
    assert "fewer than 128" in put(of_codes(np.ones((100, 4))), [IntrinsicDimension()]).notes[0]
    wide = put(of_codes(np.random.default_rng(2).normal(size=(300, 500))), [IntrinsicDimension()])
    assert all(np.isfinite(wide.get(metric).value) for metric in METRICS)
