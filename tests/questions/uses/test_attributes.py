"""What can be read off codes: every kind of attribute, by every reader, and what cannot be asked."""

import dataclasses

import numpy as np
import pytest
import torch

from allegory import data
from allegory.questions import CodeSet, Features, put
from allegory.questions.uses.attributes import Attributes

RANDOM = np.random.default_rng(0)
N = 600
U = RANDOM.normal(size=(N, 4))
KNOWN = {
    "side": (U[:, 0] > 0).astype(int).tolist(),
    "both:binary": (U[:, 0] * U[:, 1] > 0).astype(int).tolist(),
    "height": U[:, 1] + 50.0,
    "third:class": np.digitize(U[:, 2], (-0.5, 0.5)).tolist(),
    "tags": np.stack([U[:, 0] > 1, U[:, 1] > 0, np.zeros(N)], 1).astype(int),
    "nothing": RANDOM.normal(size=N),
}


def features(attributes=KNOWN, codes=U, labels=None, n=N):
    source = data.open_source(U[:n].astype(np.float32), labels, attributes=attributes)
    parts = {name: torch.as_tensor(source.part(name)) for name in data.PARTS}
    y = torch.full((n,), -1) if source.labels is None else torch.as_tensor(source.labels.values)
    names = () if source.labels is None else source.labels.names
    return Features({None: CodeSet((torch.as_tensor(codes[:n], dtype=torch.float32),))}, y, names, parts, "u", source=source)


@pytest.fixture(scope="module")
def scores():
    return put(features(), [Attributes()])


@pytest.mark.parametrize(
    ("metric", "low", "high"),
    [
        ("balanced_accuracy of side by linear", 0.9, 1.0),
        ("balanced_accuracy of both by linear", 0.36, 0.64),
        ("balanced_accuracy of both by trees", 0.9, 1.0),
        ("balanced_accuracy of both by MLP", 0.85, 1.0),
        ("balanced_accuracy of both by kNN", 0.75, 1.0),
        ("r2 of height by linear", 0.99, 1.0),
        ("balanced_accuracy of third by linear", 0.75, 1.0),
        ("mean_average_precision of tags by linear", 0.95, 1.0),
        ("r2 of nothing by linear", -0.2, 0.05),
        ("r2 of nothing by MLP", -0.2, 0.05),
    ],
)
def test_every_kind_is_read_by_who_can(scores, metric, low, high):
    score = scores.get(metric)
    assert low <= score.value <= high and score.low <= score.value <= score.high


def test_a_floor_that_knows_nothing_stands_beside(scores):
    assert abs(scores.get("balanced_accuracy of side by linear", "noise").value - 0.5) < 0.12
    assert scores.get("r2 of height by trees", "noise").value < 0.05
    prevalence = np.mean([(U[:, 0] > 1).mean(), (U[:, 1] > 0).mean()])
    assert abs(scores.get("mean_average_precision of tags by linear", "noise").value - prevalence) < 0.12


def test_the_words_tell_ready_from_tangled_from_lost(scores):
    words = Attributes().words(scores.of("attributes"))
    ready, tangled, lost = words.split("). ")
    assert "A linear reader gets side (" in ready and "height (1.00, a guess 0.00)" in ready and "both" not in ready
    assert "There, but tangled: both (linear 0." in tangled and "No reader gets nothing (" in lost


def test_the_picture_is_the_table(scores):
    (heat,) = scores.pictures["attributes"]
    assert heat.rows == ("side", "both", "height", "third", "tags", "nothing") and heat.columns == ("linear", "kNN", "trees", "MLP")
    values = np.array(heat.values)
    assert values[1, 0] < 0.3 < 0.6 < values[1, 3] and values[2, 0] == pytest.approx(scores.get("r2 of height by linear").value, abs=0.01)
    assert (values[5] < 0.1).all()


def test_only_some_and_what_is_left_out_is_said():
    quick = Attributes(most=1)
    found = put(features(), [quick])
    assert {s.metric.split(" of ")[1].split(" by ")[0] for s in found} == {"side"}
    assert any("5 further attributes were left out" in note for note in found.notes)
    assert {s.metric for s in put(features(), [Attributes(only=("height",), widest=2)])} == {
        "r2 of height by linear", "r2 of height by kNN", "r2 of height by MLP",
    }  # fmt: skip
    assert "there is no 'heigth'; these data have 'side', 'both'" in put(features(), [Attributes(only=("heigth",))]).notes[0]


def test_hostile_attributes_and_codes_end_in_a_clear_answer():
    one = features({"same": [1] * N, "rare": ["a"] * (N - 1) + ["b"], "side": KNOWN["side"]}, np.zeros((N, 4)))
    found = put(one, [Attributes()])
    assert any("'same' was left out, as all training items have the same value" in note for note in found.notes)
    assert found.get("balanced_accuracy of side by linear").value == 0.5
    assert "nothing is known about the items" in put(features({}), [Attributes()]).notes[0]
    none = np.full(N, None)
    source = features().source
    none[source.part("train")[:30]] = 1.5
    none[source.part("train")[0]] = 2.5
    assert "no training or no test item has a value" in put(features({"a": none.tolist()}), [Attributes()]).notes[0]


def test_more_numbers_than_items_and_a_single_test_item():
    wide = RANDOM.normal(size=(40, 200))
    few = features({"side": KNOWN["side"][:40]}, wide, n=40)
    few = dataclasses.replace(few, parts={**few.parts, "test": few.parts["test"][:1]})
    found = put(few, [Attributes(widest=300)])
    assert all(0 <= s.value <= 1 and s.n == 1 for s in found) and len(found) == 8


def test_labels_alone_are_an_attribute_and_many_classes_have_top_5(make_features):
    plain = put(make_features(n=300, classes=3, apart=6.0), [Attributes(widest=0)])
    assert plain.get("balanced_accuracy of label by linear").value > 0.9 and plain.get("top5_accuracy of label by linear") is None
    y = np.arange(N) % 12
    codes = np.eye(12)[y] + 0.1 * RANDOM.normal(size=(N, 12))
    many = put(features({"kind:class": y.tolist()}, codes), [Attributes(most=1, widest=0)])
    assert many.get("top5_accuracy of kind by linear").value == 1.0


def test_missing_values_are_left_out():
    values = [None if i % 3 else v for i, v in enumerate(KNOWN["side"])]
    found = put(features({"side": values}), [Attributes()])
    assert found[0].n == sum(1 for i in features().parts["test"].tolist() if i % 3 == 0)
    assert found.get("balanced_accuracy of side by linear").value > 0.85
