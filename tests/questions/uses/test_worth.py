"""Labels worth: reading a number of labels off a curve by hand, and codes of known worth."""

import dataclasses

import numpy as np
import pytest
import torch

from allegory.questions import CodeSet, put
from allegory.questions.uses.worth import Worth, needed

COUNTS = np.array([1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("curve", "aim", "labels"),
    [
        ([0.2, 0.4, 0.8], 0.4, 2.0),
        ([0.2, 0.4, 0.8], 0.6, 2.0 * np.sqrt(2.0)),  # half way over log k between 2 and 4
        ([0.2, 0.4, 0.8], 0.1, 1.0),  # at most
        ([0.2, 0.4, 0.8], 0.9, 4.0),  # at least
        ([0.2, 0.4, 0.3], 0.35, 2.0**0.75),  # 0.75 of the way from 1 to 2; the dip does not count
        ([0.5, 0.5, 0.5], 0.5, 1.0),
    ],
)
def test_a_number_of_labels_by_hand(curve, aim, labels):
    assert needed(COUNTS, np.array([curve]), np.array([aim]))[0] == pytest.approx(labels)


def two(make_features, strong, weak):
    """The same items with classes far and less far apart."""
    a, b = (make_features(n=2400, apart=apart, width=12) for apart in (strong, weak))
    return dataclasses.replace(a, sets={None: a.sets[None], "pca": b.sets[None]})


def test_the_weaker_codes_need_more_labels(make_features):
    asked = Worth()
    scores = put(two(make_features, 2.0, 1.6), [asked])
    own, theirs = scores.get("labels_needed"), scores.get("labels_needed", "pca")
    assert own.value == own.low == own.high == 4.0
    assert theirs.value > 5.0 and theirs.low <= theirs.value <= theirs.high
    assert "The codes reach their accuracy with 4 labels a class; PCA of the same size needs" in asked.words(scores)
    turned = put(two(make_features, 1.6, 2.0), [asked])
    assert turned.get("labels_needed", "pca").value < 4.0


def test_equal_codes_need_the_same(make_features):
    scores = put(two(make_features, 2.0, 2.0), [Worth()])
    assert scores.get("labels_needed", "pca").value == pytest.approx(4.0)


def test_beyond_the_curve_only_a_bound_is_told(make_features):
    asked, features = Worth(counts=(1, 2, 4, 8)), two(make_features, 3.0, 0.5)
    scores = put(features, [asked])
    assert scores.get("labels_needed", "pca").value == 8.0 and "at least 8 labels a class" in asked.words(scores)


def test_what_cannot_be_asked_is_said(make_features):
    features = make_features(n=300)
    labels = features.labels.clone()
    train = features.parts["train"]
    labels[train[labels[train] == 1][1:]] = -1
    note = put(dataclasses.replace(features, labels=labels), [Worth()]).notes[0]
    assert "worth was not asked: it takes two labelled training items of every class" in note
    flat = dataclasses.replace(features, sets={who: CodeSet((torch.zeros(300, 4),)) for who in (None, "pca")})
    said = put(flat, [Worth()])
    assert said == [] and "worth could not be answered: with 4 labels a class the codes get 0.33 in balanced accuracy" in said.notes[0]
