"""1 % and 10 % of the labels: shares of every class, nested, and what sklearn gets from the same draws."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from allegory.questions import CodeSet, put
from allegory.questions.uses.share_labels import ShareLabels


def test_every_class_gives_its_share_and_one_at_least(make_features):
    features = make_features(n=2000, classes=3)
    labels = features.labels.clone()
    of_c = features.parts["train"][labels[features.parts["train"]] == 2]
    labels[of_c[20:]] = -1
    features = dataclasses.replace(features, labels=labels)
    ten, one = ShareLabels().drawn(features, 10.0), ShareLabels().drawn(features, 1.0)
    sizes = features.class_sizes("train")
    assert torch.bincount(labels[ten[0]]).tolist() == [round(int(sizes[0]) / 10), round(int(sizes[1]) / 10), 2]
    assert torch.bincount(labels[one[0]]).tolist() == [round(int(sizes[0]) / 100), round(int(sizes[1]) / 100), 1]
    assert all(set(small) <= set(large) for small, large in zip(one.tolist(), ten.tolist(), strict=True))
    assert not np.array_equal(ten[0], ten[1]) and np.isin(ten, features.labelled("train").numpy()).all()


def test_the_accuracy_is_scikit_learns(make_features):
    features, asked = make_features(n=1000, apart=1.5, width=40), ShareLabels(shares=(5.0,), draws=3)
    z = features.sets[None].seeds[0].numpy().astype(np.float64)
    train, test, y = features.parts["train"].numpy(), features.parts["test"].numpy(), features.labels.numpy()
    z = (z - z[train].mean(0)) / z[train].std(0)
    models = [LogisticRegression(C=1.0, tol=1e-8, max_iter=9999).fit(z[r], y[r]) for r in asked.drawn(features, 5.0)]
    right = np.mean([model.score(z[test], y[test]) for model in models])
    assert put(features, [asked]).get("accuracy@5%").value == pytest.approx(right, abs=2 / (3 * len(test)))


def test_top_5_with_many_classes_words_and_a_remark_for_small_data(make_features):
    rng = np.random.default_rng(0)
    y = torch.as_tensor(np.arange(1200) % 12)
    z = torch.as_tensor(np.eye(12)[y] + 0.3 * rng.normal(size=(1200, 12)), dtype=torch.float32)
    features = dataclasses.replace(make_features(n=1200), labels=y, names=tuple("abcdefghijkl"), sets={None: CodeSet((z,))})
    scores = put(features, [ShareLabels()])
    assert scores.get("top5_accuracy@1%").value > scores.get("accuracy@1%").value > 0.5
    assert any("1 % of the labels is one item a class here" in note for note in scores.notes)
    assert "With labels on 10 % of the training items a linear classifier on the codes gets" in ShareLabels().words(scores)


def test_constant_codes_are_at_chance_and_one_class_is_said(make_features):
    features = make_features(n=400, classes=4)
    flat = dataclasses.replace(features, sets={None: CodeSet((torch.zeros(400, 8),))})
    assert put(flat, [ShareLabels()]).get("balanced_accuracy@10%").value == pytest.approx(0.25)
    one = dataclasses.replace(features, labels=features.labels.clamp(max=0))
    assert "of one class only" in put(one, [ShareLabels()]).notes[0]
