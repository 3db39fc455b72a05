"""Linear probe, few labels and kNN: right answers, chance on random labels, and nothing that leaks."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from allegory.questions import CodeSet, Evidence, Subject, probing, put
from allegory.questions.uses.few_labels import FewLabels
from allegory.questions.uses.knn import KNN
from allegory.questions.uses.linear_probe import LinearProbe

PROBES = [LinearProbe(), FewLabels(), KNN()]


def changed(features, part, seed=0):
    """The same features with the labels of a part replaced by random ones."""
    labels, index = features.labels.clone(), features.parts[part]
    labels[index] = torch.as_tensor(np.random.default_rng(seed).integers(0, features.classes, len(index)))
    return dataclasses.replace(features, labels=labels)


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p.card.name)
def test_separable_classes_are_found(probe, make_features):
    scores = put(make_features(width=3, apart=8.0), [probe])
    assert all(s.value > 0.97 for s in scores), [(s.metric, s.value) for s in scores]
    assert all(s.low <= s.value <= s.high for s in scores)


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p.card.name)
def test_random_labels_score_at_chance(probe, make_features):
    """Codes that know the classes, labels that were permuted: one in four."""
    features = make_features(n=2000, classes=4, apart=6.0)
    order = torch.as_tensor(np.random.default_rng(1).permutation(2000))
    scores = put(dataclasses.replace(features, labels=features.labels[order]), [probe])
    for s in scores:
        assert s.value == pytest.approx(0.25, abs=0.07), s  # 400 test items: 3.2 standard errors


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p.card.name)
def test_no_answer_depends_on_the_labels_of_the_test_part(probe, make_features, monkeypatch):
    """The answers are recovered as hits on each class in turn: with other test labels they must be the same answers."""
    features = make_features(n=400, apart=1.5)
    answers = []
    for labels in (features, changed(features, "test")):
        seen = []

        def note(hits, truth, seed, seen=seen):
            seen.append((hits, truth))
            return two()

        monkeypatch.setattr("allegory.questions.intervals.of_hits", note)
        put(labels, [probe])
        answers.append(seen)
    for (before, truth), (after, other) in zip(*answers, strict=True):
        same = truth == other
        assert 0.2 < same.mean() < 0.5
        assert np.array_equal(before[:, same], after[:, same])
        assert not (before & after)[:, ~same].any()  # one answer cannot be right for two labels


def two():
    """Stands in for the evidence of two metrics."""
    return Evidence(np.zeros(1), np.zeros(10)), Evidence(np.zeros(1), np.zeros(10))


def test_few_labels_read_no_other_label(make_features):
    """Neither validation labels nor the training labels outside the draws change anything."""
    features, probe = make_features(n=500, apart=1.5), FewLabels()
    drawn = torch.as_tensor(probe.drawn(features)).flatten().unique()
    labels = features.labels.clone()
    others = torch.ones(len(labels), dtype=torch.bool)
    others[drawn] = others[features.parts["test"]] = False
    labels[others] = -1
    z = features.sets[None].seeds[0]
    kept = FewLabels()
    object.__setattr__(kept, "drawn", lambda features: probe.drawn(make_features(n=500, apart=1.5)))
    before = probe.measure(Subject(None, 0, z), features)
    after = kept.measure(Subject(None, 0, z), dataclasses.replace(features, labels=labels))
    assert {m: e.value for m, e in before.items()} == {m: e.value for m, e in after.items()}


def test_few_labels_against_scikit_learn_draw_by_draw(make_features):
    features, probe = make_features(n=500, width=30, apart=1.5), FewLabels(counts=(2, 4), draws=4)
    z = features.sets[None].seeds[0].numpy().astype(np.float64)
    reference = z[features.parts["train"].numpy()]
    z = (z - reference.mean(0)) / reference.std(0)
    test, y = features.parts["test"].numpy(), features.labels.numpy()
    right = []
    for rows in probe.drawn(features)[:, :2].reshape(4, -1):
        model = LogisticRegression(C=1.0, tol=1e-8, max_iter=10_000).fit(z[rows], y[rows])
        right.append((model.predict(z[test]) == y[test]).mean())
    assert put(features, [probe]).get("accuracy@2").value == pytest.approx(np.mean(right), abs=1 / (4 * len(test)))


def test_draws_are_stratified_nested_and_from_the_training_part(make_features):
    features = make_features(n=500, classes=5, labelled=0.5)
    draws = FewLabels().drawn(features)
    assert draws.shape == (20, 8, 5)
    assert np.isin(draws, features.labelled("train").numpy()).all()
    assert np.array_equal(features.labels.numpy()[draws], np.broadcast_to(np.arange(5), draws.shape))
    assert all(len(np.unique(draw)) == draw.size for draw in draws)
    assert np.array_equal(draws, FewLabels().drawn(dataclasses.replace(features, sets={})))
    assert not np.array_equal(draws, FewLabels().drawn(dataclasses.replace(features, seed=1)))


def test_counts_without_enough_labels_are_left_out_and_said(make_features):
    features = make_features(n=500)
    labels = features.labels.clone()
    of_b = features.labelled("train")[labels[features.labelled("train")] == 1]
    labels[of_b[3:]] = -1
    scores = put(dataclasses.replace(features, labels=labels), [FewLabels()])
    assert {s.metric for s in scores if s.metric.startswith("accuracy")} == {"accuracy@1", "accuracy@2"}
    assert scores.notes == ("few_labels: no draws of 4, 8 labels a class, as class 'b' has 3 labelled training items",)


def test_the_linear_probe_agrees_with_scikit_learn(make_features):
    """At the chosen strength, hit for hit but for ties of rounding."""
    features, probe = make_features(n=800, apart=1.2), LinearProbe(strengths=(1e-2,), tolerance=1e-8)
    z = features.sets[None].seeds[0].numpy().astype(np.float64)
    train, test, y = features.parts["train"].numpy(), features.parts["test"].numpy(), features.labels.numpy()
    z = (z - z[train].mean(0)) / z[train].std(0)
    model = LogisticRegression(C=1 / (1e-2 * len(train)), tol=1e-8, max_iter=10_000).fit(z[train], y[train])
    assert put(features, [probe]).get("accuracy").value == pytest.approx(model.score(z[test], y[test]), abs=1e-6)


def test_validation_chooses_the_strength(make_features):
    """Many noise features and few rows, so that strengths differ: the choice is the best of all on the validation part."""
    features, strengths = make_features(n=300, width=150, apart=1.5), (1.0, 1e-2, 1e-5)
    z = probing.standardised(features.sets[None].seeds[0], features.parts["train"])
    seen = probing.Labelled.of(features, "validation")

    def value(probe):
        return probing.balanced(probe.choose(z, features).logits(z[seen.index])[0].argmax(1) == seen.y, seen.y)

    each = [value(LinearProbe(strengths=(s,))) for s in strengths]
    assert max(each) > min(each) + 0.05
    assert value(LinearProbe(strengths=strengths)) == max(each)


def test_balanced_accuracy_sees_what_accuracy_hides(make_features):
    """A class of 5 % that codes do not show: accuracy .95 and balanced accuracy one half."""
    features = make_features(n=2000, classes=2, apart=0.0)
    rare = torch.as_tensor((np.random.default_rng(0).uniform(size=2000) < 0.05).astype(np.int64))
    scores = put(dataclasses.replace(features, labels=rare), [LinearProbe(strengths=(1.0,))])
    assert scores.get("accuracy").value > 0.9
    assert scores.get("balanced_accuracy").value == pytest.approx(0.5, abs=0.02)


def test_knn_votes_by_hand():
    """Cosines 1, 1, 0.6 with classes 0, 1, 1 at k = 3: 1 < 1 + exp(-.4 / .07); at k = 1 the nearest alone."""
    bank = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8]])
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([0, 1, 1])
    assert KNN().votes(x, bank, y, 2, [3])[0].tolist() == [1]
    # tau decides: classes 0 and 1, 1 at cosines 1 and 0.6, 0.6: the sum of two votes wins only when the temperature is high
    bank = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.6, -0.8]])
    assert KNN(tau=0.07).votes(x, bank, y, 2, [3])[0].tolist() == [0]
    assert KNN(tau=10.0).votes(x, bank, y, 2, [1, 3]).flatten().tolist() == [0, 1]


def test_missing_labels_are_left_out(make_features):
    features = make_features(n=600, width=3, apart=8.0, labelled=0.4)
    scores = put(features, PROBES)
    assert {s.n for s in scores} == {len(features.labelled("test"))} and scores[0].n < len(features.parts["test"])
    assert all(s.value > 0.95 for s in scores)


def test_without_labelled_validation_a_fifth_of_training_chooses(make_features):
    features = make_features(n=400, apart=4.0)
    labels = features.labels.clone()
    labels[features.parts["validation"]] = -1
    for probe in (LinearProbe(), KNN()):
        assert put(dataclasses.replace(features, labels=labels), [probe]).get("accuracy").value > 0.9


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f, y: y.fill_(-1), "there are no labels"),
        (lambda f, y: y.clamp_(max=0), "of one class only"),
        (lambda f, y: y.index_fill_(0, f.parts["test"], -1), "no test item has a label"),
        (lambda f, y: y.index_fill_(0, f.parts["train"], -1), "no training item has a label"),
    ],
)
def test_what_cannot_be_probed_is_said(make_features, spoil, reason):
    features = make_features(n=200)
    scores = put(dataclasses.replace(features, labels=spoil(features, features.labels.clone())), PROBES)
    assert scores == [] and len(scores.notes) == 3 and all(reason in note for note in scores.notes)


def test_collapsed_codes_score_at_chance_and_do_not_crash(make_features):
    features = make_features(n=400, classes=4)
    flat = dataclasses.replace(features, sets={None: CodeSet((torch.full((400, 8), 3.7),))})
    for s in put(flat, PROBES):
        if s.metric.startswith("balanced"):  # one class for all items
            assert s.value == pytest.approx(0.25), s
