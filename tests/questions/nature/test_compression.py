import math

import numpy as np
import pytest

import allegory as al
from allegory import data
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.nature.compression import Compression


def test_bits_by_hand():
    """Four items. The whole code (64 bits) has all right, chance 1/4: 95 % of the gain takes all right. 4 bits give 3 of 4, 8 give all."""
    hits = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]], dtype=bool)
    costs = np.array([64.0, 4, 8, 16])
    assert Compression().fewest_bits(hits, costs, 0.25, 0)["bits"].value == 8
    assert Compression(keep=0.6).fewest_bits(hits, costs, 0.25, 0)["bits"].value == 4
    assert Compression().fewest_bits(hits[1:2], costs[:1], 0.75, 0) == {}


def test_one_bit_of_two_classes_in_a_wide_code(of_codes):
    """A code of eight numbers of which one tells the class: one bit of the strongest direction is enough; of a weak one it takes more."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 2000)
    z = rng.normal(size=(2000, 8))
    strong, weak = z.copy(), z.copy()
    strong[:, 3] = 8 * y + 0.5 * rng.normal(size=2000)
    weak[:, 3] = 0.8 * y + 0.05 * rng.normal(size=2000)
    scores = put(of_codes(strong, labels=y), [Compression()])
    assert scores.get("bits").value == 1
    assert scores.get("accuracy of the whole").value > 0.98
    assert scores.get("rate") is None
    assert put(of_codes(weak, labels=y), [Compression()]).get("bits").value == 8  # all directions, one bit each
    assert "1 bits an item keep 95%" in Compression().words(scores)


def test_rate_of_posteriors():
    """The mean KL of the method's own posteriors, in bits."""
    source = data.open_source("digits")
    rep = al.learn(source, al.VAE(latent=4), seed=0, steps=5)
    features, _ = gather(rep, source, ())
    rate = put(features, [Compression(most=300, depths=(1,))]).get("rate")
    kl = rep.codes(source.take(source.part("test")))["kl"].values.sum(1)
    assert rate.value == pytest.approx(float(kl.double().mean()) / math.log(2), rel=0.05)


def test_hostile_codes(of_codes):
    y = np.arange(400) % 2
    assert "no more than chance" in put(of_codes(np.ones((400, 4)), labels=y), [Compression()]).notes[0]
    assert "no labels, and the method has no rate" in put(of_codes(np.ones((400, 4))), [Compression()]).notes[0]
    wide = np.random.default_rng(1).normal(size=(200, 600))
    wide[:, 0] += 40 * y[:200]
    assert put(of_codes(wide, labels=y[:200]), [Compression()]).get("bits").value == 1
