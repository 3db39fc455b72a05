import numpy as np
import pytest

from allegory.questions import put
from allegory.questions.nature.persistent_homology import PersistentHomology

QUICK = PersistentHomology(most=400, landmarks=50, clouds=9)


def circle(n=700, noise=0.05, seed=0):
    rng = np.random.default_rng(seed)
    t = rng.uniform(0, 2 * np.pi, n)
    return t, np.stack([np.cos(t), np.sin(t)], 1) + noise * rng.normal(size=(n, 2))


def test_a_circle_torn_and_a_circle_kept(of_codes):
    """Laid on a line by its angle; turned and scaled into five dimensions."""
    t, data = circle()
    torn = put(of_codes(t[:, None], data=data), [QUICK])
    assert torn.get("loops", "raw input").value == 1
    assert torn.get("loops").value == 0
    assert torn.get("longest_loop", "raw input").value > 4
    assert "The data have a loop. The code has no loop that stands out" in QUICK.words(torn)
    assert "closed or torn what was round" in QUICK.words(torn)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    kept = put(of_codes(3 * data @ turn[:2] + 7, data=data), [QUICK])
    assert kept.get("loops").value == 1
    assert "They agree." in QUICK.words(kept)
    assert kept.get("longest_loop").value == pytest.approx(kept.get("longest_loop", "raw input").value, rel=1e-3)
    (points,) = kept.pictures["persistent_homology"]
    assert {s.name for s in points.series} == {"the code", "the data"}


def test_a_hole_is_made_and_noise_has_none(of_codes):
    rng = np.random.default_rng(2)
    made = put(of_codes(circle()[1], data=rng.normal(size=(700, 3))), [QUICK])
    assert made.get("loops", "raw input").value == 0
    assert "made a hole" in QUICK.words(made)


def test_pieces_and_a_torus(of_codes):
    rng = np.random.default_rng(3)
    centres = np.array([[0.0, 0], [9, 0], [0, 9]])
    assert put(of_codes(centres[rng.integers(0, 3, 700)] + rng.normal(size=(700, 2))), [QUICK]).get("pieces").value == 3
    t, s = rng.uniform(0, 2 * np.pi, (2, 1500))
    torus = np.stack([np.cos(t), np.sin(t), np.cos(s), np.sin(s)], 1)
    assert put(of_codes(torus), [PersistentHomology(landmarks=80, clouds=5)]).get("loops").value == 2


def test_hostile_codes(of_codes):
    assert "no shape" in put(of_codes(np.ones((300, 3))), [QUICK]).notes[0]
    line = put(of_codes(np.arange(300.0)[:, None]), [QUICK])
    assert line.get("loops").value == 0
    assert line.get("longest_loop").value == 1.0
    wide = put(of_codes(np.random.default_rng(4).normal(size=(120, 300))), [QUICK])
    assert wide.get("loops").value == 0
    steps = np.repeat(np.arange(10.0), 30)[:, None]
    assert put(of_codes(steps), [QUICK]).get("loops").value == 0
