"""Accuracy by the number of labels, on factors and on labels, and the ratio."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from allegory import data
from allegory.questions import CodeSet, Evidence, Features, put
from allegory.questions.uses.efficiency import Efficiency, _logistic, _ratio

ASKED = Efficiency(counts=(10, 100, 400), rounds=20)


@pytest.fixture(scope="module")
def sprites():
    """The factors with a little noise as codes: three that vary, one of them with two values."""
    source = data.open_source("sprites:size=16,scales=2,orientations=4,xs=8,ys=4")
    known = source.factors.values[:, [1, 2, 3]].astype(np.float64)
    z = torch.as_tensor(known + 0.05 * np.random.default_rng(0).normal(size=known.shape), dtype=torch.float32)
    parts = {name: torch.as_tensor(source.part(name)) for name in data.PARTS}
    return Features({None: CodeSet((z,))}, torch.as_tensor(source.labels.values), source.labels.names, parts, "sprites", source=source)


def test_the_accuracy_is_the_mean_over_the_factors(sprites):
    """Three factors are in the codes (3, 2 and 4 values), x (8 values) and y (4) are not: trees come to (3 + 1/8 + 1/4) / 5."""
    scores = put(sprites, [ASKED])
    assert scores.get("gbt_accuracy@400").value == pytest.approx((3 + 1 / 8 + 1 / 4) / 5, abs=0.05)
    assert scores.get("gbt_accuracy@10").value < scores.get("gbt_accuracy@400").value
    assert scores.get("lr_efficiency") is None  # no 10,000 here
    assert "With 100 labels LR reads" in ASKED.words(scores) and scores.pictures["efficiency"][0].curves[0].x == (10.0, 100.0, 400.0)


def test_the_ratio_by_hand():
    few, many = Evidence(np.array([0.45]), np.array([0.4, 0.5])), Evidence(np.array([0.9]), np.array([0.8, 1.0]))
    found = _ratio(few, many)
    assert found.value == 0.5 and found.replicates.tolist() == [0.5, 0.5]


def test_the_ratio_is_of_100_and_10000(make_features):
    """Trees are not grown here; three classes along a line far apart are read with 100 labels as with 10,000."""
    features = make_features(n=18_000, classes=3, apart=8.0, width=3)
    scores = put(features, [Efficiency(counts=(100, 10_000), widest=0, draws=1)])
    ratio = scores.get("lr_efficiency")
    assert ratio.value == pytest.approx(scores.get("lr_accuracy@100").value / scores.get("lr_accuracy@10000").value)
    assert 0.97 < ratio.value <= 1.01 and "of what 10,000 reach" in Efficiency().words(scores)


def test_draws_are_nested_and_the_first_is_scikit_learns(make_features):
    features, asked = make_features(n=600, apart=2.0), Efficiency(counts=(10, 50), draws=1, widest=0)
    z = features.sets[None].seeds[0].numpy().astype(np.float64)
    train, test, y = features.parts["train"].numpy(), features.parts["test"].numpy(), features.labels.numpy()
    z = (z - z[train].mean(0)) / z[train].std(0)
    order = np.random.default_rng([0, 33, 0]).permutation(len(train))
    for count in (10, 50):
        rows = train[order[:count]]
        model = LogisticRegression(C=1.0, tol=1e-9, max_iter=9999).fit(z[rows], y[rows])
        assert put(features, [asked]).get(f"lr_accuracy@{count}").value == pytest.approx(model.score(z[test], y[test]), abs=1 / len(test))


def test_histograms_change_little(make_features):
    features = make_features(n=1000, apart=2.0)
    z, train, test = features.sets[None].seeds[0], features.parts["train"], features.parts["test"]
    told = Efficiency()._trees(z[train], features.labels[train], z[test], 0)
    plain = GradientBoostingClassifier(random_state=0).fit(z[train].numpy(), features.labels[train].numpy()).predict(z[test].numpy())
    truth = features.labels[test].numpy()
    assert (told.numpy() == truth).mean() == pytest.approx((plain == truth).mean(), abs=0.03)


def test_one_class_in_the_draw_is_told_always():
    told = _logistic(torch.zeros(5, 2), torch.full((5,), 3), torch.ones(4, 2), 0)
    assert told.tolist() == [3, 3, 3, 3]
    assert Efficiency()._trees(torch.zeros(5, 2), torch.full((5,), 3), torch.ones(4, 2), 0).tolist() == [3, 3, 3, 3]


def test_what_cannot_be_asked_is_said(make_features):
    features = make_features(n=400)
    assert any(
        "not at 1,000, 10,000 labels, as 240 training items have one" in note for note in put(features, [Efficiency(widest=0)]).notes
    )
    few = dataclasses.replace(features, parts={**features.parts, "train": features.parts["train"][:5]})
    assert "fewer than 10 training items have a label" in put(few, [Efficiency()]).notes[0]
    assert "there are no labels" in put(dataclasses.replace(features, labels=torch.full((400,), -1)), [Efficiency()]).notes[0]
    flat = dataclasses.replace(features, sets={None: CodeSet((torch.zeros(400, 4),))})
    assert 0.2 < put(flat, [ASKED]).get("lr_accuracy@100").value < 0.5
