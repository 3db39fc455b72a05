import numpy as np
import pytest

import allegory as al
from allegory import data
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.nature.flatness import Flatness


def test_a_plane_and_a_bent_sheet(of_codes):
    rng = np.random.default_rng(0)
    u = rng.uniform(size=(3000, 2))
    plane = put(of_codes(u), [Flatness()])
    t = 3 * np.pi * (0.5 + u[:, 0])
    roll = np.stack([t * np.cos(t), 10 * u[:, 1], t * np.sin(t)], 1)
    bent = put(of_codes(roll), [Flatness()])
    assert plane.get("chord_over_geodesic").value > 0.85
    assert bent.get("chord_over_geodesic").value < 0.7
    assert bent.get("midpoint_gap") is None
    assert "of the way along the codes" in Flatness().words(bent)


def test_midpoints_of_a_linear_code_are_mixed_pictures():
    """PCA with all components decodes what it encodes, and the midpoint of two codes to the mean of two pictures."""
    source = data.open_source("digits")
    rep = al.learn(source, al.PCA(latent=64), seed=0)
    features, _ = gather(rep, source, ())
    scores = put(features, [Flatness(pairs=100)])
    gap, pixels = scores.get("midpoint_gap"), scores.get("pixel_gap")
    assert gap.value == pytest.approx(pixels.value, rel=1e-3)
    assert gap.value > 1.2
    assert "half-way between two codes is" in Flatness().words(scores)


def test_hostile_codes(of_codes):
    assert "paths between them need more" in put(of_codes(np.ones((300, 4))), [Flatness()]).notes[0]
    wide = put(of_codes(np.random.default_rng(1).normal(size=(200, 900))), [Flatness()])
    assert 0 < wide.get("chord_over_geodesic").value <= 1
