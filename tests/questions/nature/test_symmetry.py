import numpy as np
import pytest

from allegory import data
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.nature.symmetry import Symmetry


@pytest.fixture(scope="module")
def sprites():
    return data.open_source("sprites:size=16,orientations=4,xs=5,ys=5,scales=3")


def truth(source):
    values = source.factors.values[:, np.array(source.factors.sizes) > 1]
    return (values - values.mean(0)) / values.std(0)


def asked(codes, source):
    features, _ = gather(codes, source, ())
    return put(features, [Symmetry(pairs=500)])


def test_truth_rotation_mixture_and_noise(sprites):
    rng = np.random.default_rng(0)
    z = truth(sprites)
    turned = asked(z @ np.linalg.qr(rng.normal(size=(5, 5)))[0], sprites)
    assert turned.get("symmetry").value == pytest.approx(1.0, abs=1e-4)
    assert turned.get("orthogonality").value == pytest.approx(1.0, abs=1e-4)
    assert turned.get("symmetry", "truth").value == pytest.approx(1.0, abs=1e-4)
    assert turned.get("symmetry", "noise").value < 0.05
    mixed = asked(np.concatenate([z[:, :3], z[:, 3:4] + z[:, 4:5]], 1), sprites)  # x and y move one number together
    assert mixed.get("symmetry").low <= mixed.get("symmetry").value < 0.8
    names = [s.metric for s in mixed if s.control is None and s.metric.startswith("symmetry of")]
    assert names == [f"symmetry of {n}" for n in ("shape", "scale", "orientation", "x", "y")]
    assert mixed.get("symmetry of x").value < 0.5 < mixed.get("symmetry of shape").value
    words = Symmetry().words(mixed)
    assert "least x" in words or "least y" in words
    (heat,) = mixed.pictures["symmetry"]
    assert heat.values[3][4] == pytest.approx(1.0)
    assert heat.values[0][1] == pytest.approx(0.0, abs=1e-9)


def test_hostile_codes(sprites):
    assert "fewer than two factors move" in asked(np.ones((len(sprites), 4)), sprites).notes[0]
    wide = asked(np.random.default_rng(1).normal(size=(len(sprites), 700)), sprites)
    assert wide.get("symmetry").value == pytest.approx(wide.get("symmetry", "noise").value, abs=0.05)


def test_what_is_missing(sprites, of_codes):
    assert "factors of these data are not known" in put(of_codes(np.eye(300)), [Symmetry()]).notes[0]
    few = sprites.subset(np.random.default_rng(2).permutation(len(sprites))[:60])
    assert "too few items differ" in asked(truth(few), few).notes[0]
