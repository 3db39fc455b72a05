import dataclasses

import pytest
import torch

from allegory.measures.clustering import ami, nmi, pairwise_f1
from allegory.questions import CodeSet, put
from allegory.questions.uses.clustering import Clustering, agreements


def asked(features):
    return put(features, [Clustering(runs=2)])


def test_agreements_are_means_and_leave_groups_out():
    y = torch.arange(64) % 2
    one, two = y.clone(), torch.arange(64) // 32
    two[0] = 1
    value, without = agreements(y, [one, two])
    assert value == pytest.approx([(1 + f(y, two)) / 2 for f in (nmi, ami, pairwise_f1)])
    kept = torch.arange(64) % 16 != 3
    assert without[3] == pytest.approx([(1 + f(y[kept], two[kept])) / 2 for f in (nmi, ami, pairwise_f1)])


def test_blobs_apart_are_found_and_noise_is_not(make_features):
    scores = asked(make_features(apart=8.0))
    assert scores.get("ami").value > 0.98
    assert abs(scores.get("ami", "noise").value) < 0.05 < scores.get("nmi").value
    assert scores.get("gain in ami", "noise").low > 0.5
    assert "beyond chance" in Clustering().words(scores)


def test_no_label_of_a_training_item_is_read(make_features):
    features = make_features(apart=3.0)
    labels = features.labels.clone()
    train = features.parts["train"]
    labels[train] = labels[train].flip(0)
    assert asked(features).get("ami").value == asked(dataclasses.replace(features, labels=labels)).get("ami").value


@pytest.mark.parametrize("codes", [torch.zeros(600, 8), torch.eye(600)])
def test_hostile_codes_get_a_number(make_features, codes):
    scores = asked(dataclasses.replace(make_features(), sets={None: CodeSet((codes,))}))
    assert scores.get("ami").value == pytest.approx(0.0, abs=0.05)


def test_one_class_or_few_items_in_the_test_part_are_told(make_features):
    features = make_features()
    test = features.parts["test"]
    single = test[features.labels[test] == 0]
    for part, why in ((single, "one class"), (test[:9], "fewer than 32")):
        scores = asked(dataclasses.replace(features, parts=dict(features.parts) | {"test": part}))
        assert scores == [] and why in scores.notes[0]
