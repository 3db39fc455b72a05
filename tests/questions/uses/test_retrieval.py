import dataclasses

import numpy as np
import pytest
import torch

from allegory import measures
from allegory.measures.retrieval import retrieval
from allegory.questions import CodeSet, put
from allegory.questions.uses.retrieval import Retrieval


def asked(features, **settings):
    return put(features, [Retrieval(**settings)])


def test_is_the_measure_on_the_test_part(make_features):
    features = make_features()
    z = features.sets[None].seeds[0]
    test = features.parts["test"]
    expected = retrieval(measures.on_sphere(z - z[features.parts["train"]].mean(0))[test], features.labels[test])
    scores = asked(features)
    got = {m: scores.get(m).value for m in ("r_at_1", "r_precision", "map_at_r")}
    assert got == pytest.approx({"r_at_1": float(expected.first.mean()), "r_precision": float(expected.r_precision.mean()),
                                 "map_at_r": float(expected.map_at_r.mean())}, abs=1e-5)  # fmt: skip
    assert scores[0].split == "test" and scores[0].n == len(test)
    assert all(s.low < s.value < s.high for s in scores if s.control is None)


def test_codes_that_know_nothing_stand_beside(make_features):
    scores = asked(make_features(classes=4))
    assert scores.get("r_precision", "noise").value == pytest.approx(0.25, abs=0.05)
    assert scores.get("gain in map_at_r", "noise").low > 0
    assert "of the same class" in Retrieval().words(scores)


def test_the_interval_covers_the_mean_over_data_sets(make_features):
    """40 draws of the same three blobs: the intervals should hold the mean of the values in about 38 of them."""
    question, found = Retrieval(), []
    for seed in range(40):
        features = make_features(n=300, seed=seed, apart=1.5)
        subject = next(features.sets[None].subjects(None))
        found.append(question.measure(subject, features)["map_at_r"])
    mean = np.mean([e.value for e in found])
    intervals = [e.interval() for e in found]
    assert 34 <= sum(low <= mean <= high for low, high in intervals) <= 40
    assert np.mean([high - low for low, high in intervals]) < 8 * np.std([e.value for e in found])  # not by being wide


def test_items_alone_in_their_class_are_no_queries(make_features):
    features = make_features(n=200, classes=2)
    labels = features.labels.clone()
    labels[features.parts["test"][:3]] = torch.tensor([2, 3, 4])
    scores = asked(dataclasses.replace(features, labels=labels, names=tuple("abcde")))
    assert scores[0].n == len(features.parts["test"]) - 3
    assert any("3 test items are alone" in note for note in scores.notes)


@pytest.mark.parametrize("codes", [torch.zeros(600, 8), torch.full((600, 1), 3.0), torch.eye(600)])
def test_hostile_codes_get_a_number(make_features, codes):
    features = make_features()
    scores = asked(dataclasses.replace(features, sets={None: CodeSet((codes,))}))
    assert scores.get("map_at_r").value < 0.5 and scores.get("r_precision").value == pytest.approx(1 / 3, abs=0.15)


def test_too_few_items_are_told(make_features):
    features = make_features()
    one = dict(features.parts) | {"test": features.parts["test"][:1]}
    scores = asked(dataclasses.replace(features, parts=one))
    assert scores == [] and "too few test items" in scores.notes[0]
