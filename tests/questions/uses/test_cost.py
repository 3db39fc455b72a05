"""What an item costs: counts by hand, times by a clock of our own, and what somebody else's codes can be asked."""

import dataclasses
import itertools
import time

import numpy as np
import pytest

from allegory import data, methods, train
from allegory.core import fenced
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.uses import cost
from allegory.questions.uses.cost import Cost
from allegory.representation import Representation

QUICK = Cost(repeats=3)


@pytest.fixture(scope="module")
def table():
    return data.open_source(np.random.default_rng(0).normal(size=(80, 3)))


@pytest.fixture(scope="module")
def model(table):
    method = methods.find("Autoencoder")(latent=5).resolved(table.spec, table)
    intake = data.Intake.fit(table, table.part("train"))
    with fenced(0):
        return Representation(method, method.build(intake.spec, 60).eval(), intake, {"seed": 0})


def test_counts_by_hand(table, model):
    """Three numbers, 256 and 256 hidden units, five code numbers: 3 * 256 + 256 * 256 + 256 * 5 weights, each multiplied and added once an
    item, and 256 + 256 + 5 biases. The decoder is not counted."""
    features, _ = gather(model, table, ("raw input",))
    scores = put(features, [QUICK])
    value = {s.metric: s.value for s in scores if s.control is None}
    weights = 3 * 256 + 256 * 256 + 256 * 5
    assert value["parameters"] == weights + 256 + 256 + 5
    assert value["operations"] == 2 * weights
    assert (value["code_numbers"], value["code_bytes"], value["input_bytes"]) == (5, 20, 24)
    assert sum(p.numel() for p in model.net.parameters()) > 1.9 * weights
    raw = {s.metric: s.value for s in scores if s.control == "raw input"}
    assert raw["code_numbers"] == 3 and "parameters" not in raw and raw["microseconds@256"] > 0
    assert value["microseconds@1"] > value["microseconds@256"] > 0  # a batch shares what every call takes
    words = QUICK.words(scores)
    assert "cannot be compared" in words and "68,101 parameters" in words and "5 numbers, 20 bytes, the item itself 24" in words


def test_times_by_a_known_clock():
    """Calls that take 1, 2, 3 ... seconds: the first is not counted by being called before the clock is read."""
    ticks = itertools.accumulate(itertools.chain([0.0], (d for k in itertools.count(1) for d in (float(k), 0.0))))
    calls = []
    assert cost.repeated(lambda: calls.append(1), 10, 7.0, lambda: next(ticks)) == [1.0, 2.0, 3.0, 4.0]  # 10 seconds are enough
    assert len(calls) == 5
    assert len(cost.repeated(lambda: None, 10, 0.0)) == 3


def test_a_sleeper_is_slow_by_what_it_sleeps(table):
    features, _ = gather(lambda x: (time.sleep(0.02), x)[1], table, ())
    scores = put(features, [QUICK])
    assert 0.02e6 <= scores.get("microseconds@1").value < 0.2e6
    assert scores.get("microseconds@256").value == pytest.approx(scores.get("microseconds@1").value / 256, rel=0.5)
    assert scores.get("microseconds@1").low <= scores.get("microseconds@1").value <= scores.get("microseconds@1").high


def test_the_protocol_names_the_machine(table, model, monkeypatch):
    features, _ = gather(model, table, ())
    here = QUICK.protocol(features)
    monkeypatch.setattr(cost, "machine", lambda: "another")
    assert here != QUICK.protocol(features) and cost.machine() == "another"
    assert "one machine only" in here


def test_solved_methods_and_codes_without_an_encoder(table):
    solved = Representation.of(train.fit(methods.find("PCA")(), table, device="cpu"))
    found = {s.metric: s.value for s in put(gather(solved, table, ())[0], [QUICK])}
    assert found["parameters"] >= 3 * found["code_numbers"]
    bare = put(gather(np.zeros((80, 7)), table, ())[0], [QUICK])
    assert {s.metric: s.value for s in bare} == {"code_numbers": 7, "code_bytes": 28, "input_bytes": 24}
    features, _ = gather(lambda x: x, table, ())
    features = dataclasses.replace(features, parts={**features.parts, "test": features.parts["test"][:0]})
    assert "no test items" in put(features, [QUICK]).notes[0]
