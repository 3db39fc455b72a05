import dataclasses

import numpy as np
import pytest
import torch

from allegory import data
from allegory.core import Dice
from allegory.questions import CodeSet, put
from allegory.questions.gathering import gather
from allegory.questions.nature.lidar import Lidar


class Made:
    """Codes whose first numbers name the item, and whose last ones change from view to view."""

    def __init__(self, signal, noise):
        self.signal, self.noise, self.calls = signal, noise, 0

    def codes(self, stored):
        raise AssertionError("not asked")

    def pair(self, stored, dice: Dice):
        self.calls += 1
        rng = np.random.default_rng(self.calls)
        own = np.tanh(stored.reshape(len(stored), -1).astype(float)[:, 20 : 20 + self.signal] - 8)
        views = [np.concatenate([own, rng.normal(size=(len(own), self.noise))], 1) for _ in range(2)]
        return tuple(torch.as_tensor(v, dtype=torch.float32) for v in views)


@pytest.fixture(scope="module")
def features():
    source = data.open_source("digits")
    return gather(np.zeros((len(source), 1)), source, ())[0]


def asked(features, encoder):
    z = torch.zeros(len(features), 1)
    sets = {None: CodeSet((z,), ((z[: features.viewed], z[: features.viewed]),), (encoder,))}
    return put(dataclasses.replace(features, sets=sets), [Lidar(most=300)])


def test_noise_counts_for_rank_and_not_for_lidar(features):
    scores = asked(features, Made(3, 12))
    own, every = scores.get("lidar"), scores.get("rank_of_views")
    assert 2.0 < own.value < 4.5
    assert every.value > 9
    assert own.low < own.value < own.high
    assert "tell items apart" in Lidar().words(scores)


def test_more_directions_of_items_are_a_higher_rank(features):
    assert asked(features, Made(8, 12)).get("lidar").value > asked(features, Made(3, 12)).get("lidar").value + 1


def test_codes_without_views(of_codes):
    assert "can encode" in put(of_codes(np.eye(300)), [Lidar()]).notes[0]
