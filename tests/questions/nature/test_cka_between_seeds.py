import numpy as np
import pytest

from allegory.questions import put
from allegory.questions.nature.cka_between_seeds import CkaBetweenSeeds


def test_turned_half_and_independent(of_codes):
    rng = np.random.default_rng(0)
    z, other = rng.normal(size=(2, 2000, 6))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    scores = put(of_codes(z, 5 * z @ turn + 1), [CkaBetweenSeeds()])
    assert scores.get("cka").value == pytest.approx(1.0, abs=1e-5)
    assert "much the same" in CkaBetweenSeeds().words(scores)
    apart = put(of_codes(z, other), [CkaBetweenSeeds()]).get("cka")
    assert apart.value == pytest.approx(0.0, abs=0.02)
    assert apart.low < 0 < apart.high
    half = np.concatenate([z[:, :3], other[:, :3]], 1)
    assert put(of_codes(z, half), [CkaBetweenSeeds()]).get("cka").value == pytest.approx(0.5, abs=0.05)


def test_three_seeds_and_their_picture(of_codes):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(500, 4))
    scores = put(of_codes(z, z, rng.normal(size=(500, 4))), [CkaBetweenSeeds()])
    assert scores.get("cka").seeds == 3
    assert scores.get("cka").value == pytest.approx(1 / 3, abs=0.05)  # pairs: one alike, two not
    (heat,) = scores.pictures["cka_between_seeds"]
    assert heat.values[0][1] == pytest.approx(1.0)
    assert heat.rows == ("seed 1", "seed 2", "seed 3")


def test_one_seed_is_not_asked(of_codes):
    assert "learn with --seeds 3" in put(of_codes(np.eye(200)), [CkaBetweenSeeds()]).notes[0]


def test_a_constant_code(of_codes):
    scores = put(of_codes(np.ones((300, 3)), np.random.default_rng(2).normal(size=(300, 3))), [CkaBetweenSeeds()])
    assert "collapsed" in scores.notes[0]
