"""Random labels: dealt by content, at chance for every probe, and copies across the parts seen."""

import dataclasses

import numpy as np
import pytest
import torch

from allegory import data
from allegory.questions import CodeSet, Features, put
from allegory.questions.uses.control_task import ControlTask


def with_source(n=1200, copies=False, classes=4):
    """Blobs with their source; with copies, every item comes twice, and the copy is put into the test part."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, n)
    x = (rng.normal(size=(n, 8)) + 6.0 * np.eye(classes, 8)[y]).astype(np.float32)
    part = np.arange(n) % 5
    if copies:
        x[part == 4] = x[part == 0]
        y[part == 4] = y[part == 0]
    source = data.open_source(x, y.tolist())
    parts = {
        name: torch.as_tensor(np.flatnonzero(rows)) for name, rows in (("train", part < 3), ("validation", part == 3), ("test", part == 4))
    }
    return Features({None: CodeSet((torch.as_tensor(x),))}, torch.as_tensor(y), source.labels.names, parts, "x", source=source)


def test_labels_are_dealt_by_content_in_the_shares_of_the_classes():
    features = with_source(n=4000, copies=True)
    asked = ControlTask()
    dealt = asked.dealt(features, 0)
    same = np.arange(4000)
    assert torch.equal(dealt[same % 5 == 4], dealt[same % 5 == 0])  # copies
    assert (dealt == features.labels).double().mean() == pytest.approx(0.25, abs=0.03)
    assert (torch.bincount(dealt) / 4000).numpy() == pytest.approx((torch.bincount(features.labels) / 4000).numpy(), abs=0.03)
    assert (asked.dealt(features, 1) == dealt).double().mean() == pytest.approx(0.25, abs=0.03)
    some = dataclasses.replace(features, labels=torch.where(torch.arange(4000) < 10, -1, features.labels))
    assert (asked.dealt(some, 0)[:10] == -1).all()


def test_every_probe_is_at_chance_and_selective():
    scores = put(with_source(), [ControlTask()])
    for probe in ("linear_probe", "knn", "few_labels"):
        assert scores.get(f"control_accuracy of {probe}").value == pytest.approx(0.25, abs=0.05)
        assert scores.get(f"selectivity of {probe}").value > 0.65
    words = ControlTask().words(scores)
    assert "On random labels the probes get linear_probe 0.2" in words and "no more than a guess (0.2" in words and not scores.notes


def test_copies_across_the_parts_are_said_and_let_neighbours_learn_by_heart():
    scores = put(with_source(copies=True), [ControlTask(tasks=1)])
    assert "240 of the test items are exact copies of training items" in scores.notes[0]
    assert scores.get("control_accuracy of knn").value > 0.28  # the copy is the nearest item, one vote of five
    assert "more than a guess: test items have copies" in ControlTask().words(scores)


def test_more_numbers_than_items_are_learned_by_heart(make_features):
    narrow, wide = make_features(n=400, width=4), make_features(n=400, width=300)
    assert put(narrow, [ControlTask(tasks=1)]).get("by_heart").value < 0.6
    assert put(wide, [ControlTask(tasks=1)]).get("by_heart").value > 0.97


def test_hostile_data_end_in_a_clear_answer(make_features):
    features = make_features(n=300)
    flat = dataclasses.replace(features, sets={None: CodeSet((torch.zeros(300, 4),))})
    assert all(np.isfinite(s.value) for s in put(flat, [ControlTask(tasks=1)]))
    one = dataclasses.replace(features, parts={**features.parts, "test": features.parts["test"][:1]})
    assert all(0 <= s.value <= 1 for s in put(one, [ControlTask(tasks=1)]) if s.metric.startswith("control"))
    assert "of one class only" in put(dataclasses.replace(features, labels=features.labels.clamp(max=0)), [ControlTask()]).notes[0]
