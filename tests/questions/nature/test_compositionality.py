import numpy as np
import pytest

from allegory import data
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.nature.compositionality import Compositionality, varying


@pytest.fixture(scope="module")
def sprites():
    return data.open_source("sprites:size=16,orientations=4,xs=5,ys=5,scales=3")


def one_hot(source, columns):
    return np.concatenate([np.eye(source.factors.sizes[k])[source.factors.values[:, k]] for k in columns], 1)


def asked(codes, source):
    features, _ = gather(codes, source, ())
    return put(features, [Compositionality()])


def test_a_number_a_value_against_a_number_a_combination(sprites):
    """One-hot factors are read in any combination; one-hot pairs (x, y) name a combination that the reader has never seen."""
    each = asked(one_hot(sprites, range(1, 6)), sprites)
    assert each.get("accuracy on seen").value > 0.98
    assert each.get("accuracy on unseen").value > 0.95
    assert "no more is lost" in Compositionality().words(each)
    sizes, v = sprites.factors.sizes, sprites.factors.values
    pairs = [np.eye(sizes[k] * sizes[m])[v[:, k] * sizes[m] + v[:, m]] for k, m in ((1, 2), (2, 3), (3, 4), (4, 5), (5, 1))]
    # every factor has two pairs: its own with its partner, never seen, and one with another factor, which still tells it
    whole = asked(np.concatenate(pairs, 1), sprites)
    alone = asked(pairs[3], sprites)
    assert whole.get("accuracy on seen").value > 0.9
    assert alone.get("accuracy on unseen").value < alone.get("accuracy on seen").value - 0.1
    assert "depends on the combination" in Compositionality().words(alone)
    assert each.get("accuracy on unseen", "noise").value < 0.4


def test_partners(sprites):
    features, _ = gather(np.zeros((len(sprites), 1)), sprites, ())
    assert varying(features) == [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1)]


def test_hostile_codes(sprites, of_codes):
    constant = asked(np.ones((len(sprites), 3)), sprites)
    assert constant.get("accuracy on unseen").value < 0.4
    wide = asked(np.random.default_rng(0).normal(size=(len(sprites), 1000)), sprites)
    assert wide.get("accuracy on unseen").value < 0.4
    assert "factors of these data are not known" in put(of_codes(np.eye(300)), [Compositionality()]).notes[0]
