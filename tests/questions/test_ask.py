"""End to end: a representation, a function and an array of codes beside their controls."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from allegory import data, methods, train
from allegory.core import Misuse, Problem, Recipe
from allegory.methods.supervised.classifier import Classifier
from allegory.questions import CONTROLS, Ceiling, Scores, ask, columns, compare, controls, find, gather, gathering, registered, table
from allegory.representation import Representation
from allegory.views import mild

SHORT = Ceiling(steps=15)


def learned(method, source, seed=0, steps=2):
    fitted = train.fit(method, source, seed=seed, steps=None if type(method).__name__ == "PCA" else steps, device="cpu")
    return Representation.of(fitted)


@pytest.fixture(scope="module")
def digits():
    source = data.open_source("digits")
    return source.subset(np.arange(400))


@pytest.fixture(scope="module")
def rep(digits):
    return learned(methods.find("Autoencoder")(), digits)


@pytest.fixture(scope="module")
def scores(rep, digits):
    return ask(rep, digits, ceiling=SHORT)


@pytest.mark.parametrize(
    ("how", "n", "steps"),
    [
        (Ceiling(), 400, 300),  # the recipe's: every item was seen 96 times
        (Ceiling(), 10_000, 782),  # 10 x 10,000 / 128
        (Ceiling(), 60_000, 1500),
        (Ceiling(batch=256), 10_000, 391),
        (Ceiling(steps=15), 60_000, 15),
    ],
)
def test_a_ceiling_sees_its_items_often_enough(how, n, steps):
    assert how.long_enough(Recipe(steps=300, batch=128), n) == steps


def test_the_ceiling_learns_that_long_on_mild_views(rep, digits, monkeypatch):
    monkeypatch.setattr(controls, "EPOCHS", 1)
    monkeypatch.setattr(Classifier, "recipe", Recipe(steps=2, batch=128))
    met = []
    fit = train.fit
    monkeypatch.setattr(train, "fit", lambda *args, **said: met.append(fit(*args, **said)) or met[0])
    controls.supervised(rep, digits, 0, Ceiling())
    assert met[0].plan.steps == math.ceil(len(digits.part("train")) / 128) > 2
    assert met[0].method.views == mild(digits.spec, digits.mirror)


def test_everything_is_asked_of_the_method_and_of_every_control(scores):
    rows = table(scores)
    assert [row.control for row in rows] == [None, *CONTROLS]
    assert all(list(row.cells) == ["1", "2", "4", "8", "all", "knn", "effective rank"] for row in rows)
    assert columns(rows) == ["1", "2", "4", "8", "all", "knn", "effective rank"]
    asked = {(s.question, s.control) for s in scores}
    assert {(q, c) for q in ("uniformity", "alignment") for c in (None, *CONTROLS)} <= asked


def test_balanced_accuracy_stands_beside_accuracy_always(scores):
    plain = {(s.question, s.metric, s.control) for s in scores if s.metric.startswith("accuracy")}
    assert plain and all((q, f"balanced_{m}", c) in {(s.question, s.metric, s.control) for s in scores} for q, m, c in plain)


def test_intervals_protocols_and_json(scores):
    for s in scores:
        assert s.low <= s.value <= s.high and s.seeds == 1 and s.n > 0, s
        assert s.protocol.startswith(f"{s.question}/") and "; data digits " in s.protocol and s.protocol.endswith("; seed 0")
    rows = json.loads(json.dumps(scores.as_dicts(), allow_nan=False))
    assert set(rows[0]) == {"question", "metric", "value", "low", "high", "n", "seeds", "split", "control", "protocol"}


def test_gains_are_the_paired_differences(scores):
    mine, raw, gain = scores.get("accuracy@4"), scores.get("accuracy@4", "raw input"), scores.get("gain in accuracy@4", "raw input")
    assert gain.value == pytest.approx(mine.value - raw.value)
    again = compare(mine, raw)
    assert (again.value, again.low, again.high) == pytest.approx((gain.value, gain.low, gain.high))


def test_the_untrained_control_is_the_network_before_its_first_step(digits, rep):
    method = rep.method
    before = learned(dataclasses.replace(method), digits, steps=1)
    with torch.no_grad():  # what training began with
        from allegory.core import fenced

        with fenced(0):
            fresh = method.build(rep.spec, 1)
    for p, q in zip(before.net.parameters(), fresh.parameters(), strict=True):
        p.data.copy_(q)
    scores = ask(before, digits, ["knn"], controls=["untrained"])
    assert scores.get("accuracy").value == scores.get("accuracy", "untrained").value


def test_the_same_seed_gives_the_same_scores_and_another_another_draw(rep, digits, scores):
    again = ask(rep, digits, [find("few_labels")()], controls=["raw input"])
    other = ask(rep, digits, [find("few_labels")()], controls=["raw input"], seed=1)
    assert again.get("accuracy@1") == scores.get("accuracy@1")
    assert other.get("accuracy@1").value != again.get("accuracy@1").value
    with pytest.raises(Misuse, match="only scores of one protocol"):
        compare(again.get("accuracy@1"), other.get("accuracy@1"))


def test_the_global_generators_and_modes_are_left_as_found(rep, digits):
    rep.net.train()
    torch.manual_seed(3), np.random.seed(3)
    state = torch.get_rng_state(), np.random.get_state()[1].copy()
    ask(rep, digits, ["knn"], ceiling=SHORT)
    assert torch.equal(torch.get_rng_state(), state[0]) and np.array_equal(np.random.get_state()[1], state[1])
    assert rep.net.training and all(p.requires_grad for p in rep.net.parameters())


def test_three_training_seeds_make_one_row(digits):
    reps = [learned(methods.find("Autoencoder")(), digits, seed) for seed in range(3)]
    scores = ask(reps, digits, ["few_labels"], controls=["untrained", "raw input"])
    mine = scores.get("accuracy@2")
    alone = [ask(r, digits, ["few_labels"], controls=[]).get("accuracy@2").value for r in reps]
    assert mine.seeds == 3 and mine.value == pytest.approx(np.mean(alone))
    assert scores.get("accuracy@2", "untrained").seeds == 3 and scores.get("accuracy@2", "raw input").seeds == 1
    assert scores.get("gain in accuracy@2", "raw input").seeds == 3
    with pytest.raises(Misuse, match="training seeds of one method"):
        ask([reps[0], learned(methods.find("PCA")(), digits)], digits)


def test_somebody_elses_function_or_codes_get_the_same_table(digits):
    class Theirs:
        def transform(self, x):
            return torch.as_tensor(x, dtype=torch.float64).flatten(1)[:, ::2]

    def function(x):
        return x.reshape(len(x), -1)[:, ::2]

    by_function, by_object = ask(function, digits), ask(Theirs(), digits)
    by_codes = ask(function(digits.take(slice(None))), digits)
    assert by_function == by_object == by_codes
    assert [row.control for row in table(by_codes)] == [None, "raw input", "pca", "hand-made"]
    assert any("without the controls untrained and supervised" in note for note in by_codes.notes)
    assert by_codes.get("alignment") is None
    assert any(n.startswith("alignment was not asked: these codes come without a way to encode two views") for n in by_codes.notes)


def test_solved_methods_say_why_there_is_no_untrained_control(digits):
    scores = ask(learned(methods.find("PCA")(), digits), digits, ["linear_probe"], ceiling=SHORT)
    assert [row.control for row in table(scores)] == [None, "raw input", "pca", "hand-made", "supervised"]
    assert any("PCA is solved" in note for note in scores.notes)
    assert scores.get("accuracy", "supervised").value > 0.5  # the default network stands in


def test_without_labels_only_the_label_free_questions_are_asked(rep, digits):
    scores = ask(rep, dataclasses.replace(digits, labels=None))
    assert {s.question for s in scores} == {"effective_rank", "uniformity", "alignment"}
    assert {s.control for s in scores} == {None, "raw input", "pca", "hand-made", "untrained"}
    assert sum("there are no labels" in note for note in scores.notes) == 4  # three probes and the ceiling


def test_partial_labels_are_counted(rep, digits):
    values = digits.labels.values.copy()
    values[::2] = -1
    partly = dataclasses.replace(digits, labels=data.Labels(values, digits.labels.names))
    scores = ask(rep, partly, ["linear_probe"], controls=["raw input"])
    assert "200 of 400 items have no label; the probes leave them out" in scores.notes
    assert scores[0].n < len(digits.part("test"))


def test_permuted_labels_score_at_chance_for_all_but_nobody(rep, digits):
    values = np.random.default_rng(0).permutation(digits.labels.values)
    shuffled = dataclasses.replace(digits, labels=data.Labels(values, digits.labels.names))
    scores = ask(rep, shuffled, ["few_labels", "linear_probe", "knn"], ceiling=SHORT)
    n = scores[0].n
    for s in scores:
        if s.metric.startswith("accuracy"):
            assert s.value < 0.1 + 4 * np.sqrt(0.09 / n), s  # the ceiling too: it learned the training labels by heart


def test_pca_with_fewer_components_than_the_code_says_so(digits):
    scores = ask(lambda x: np.tile(x.reshape(len(x), -1), 2), digits, ["knn"], controls=["pca"])
    assert any("the code has 128 numbers, but the raw input allows 64 components" in note for note in scores.notes)


def test_large_raw_inputs_are_made_smaller_and_this_is_said():
    rng = np.random.default_rng(0)
    big = data.open_source(rng.integers(0, 256, (60, 3, 80, 80), dtype=np.uint8))
    scores = ask(np.asarray(rng.normal(size=(60, 5))), big, ["effective_rank"])
    assert any("averaged to 32 x 32" in note for note in scores.notes)
    assert scores.get("effective_rank", "raw input") is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"questions": ["linear_prob"]}, "linear_probe"),
        ({"controls": ["raw"]}, "raw input"),
    ],
)
def test_unknown_names_get_the_nearest(rep, digits, arguments, message):
    with pytest.raises(Misuse, match=message):
        ask(rep, digits, **arguments)


def test_codes_that_do_not_fit_are_refused(digits):
    with pytest.raises(Misuse, match="one row for each item"):
        ask(np.zeros((5, 3)), digits)
    bad = np.random.default_rng(0).normal(size=(400, 3))
    bad[7] = np.nan
    with pytest.raises(Problem, match="the codes of 1 of 400 items are NaN or infinite"):
        ask(bad, digits)
    with pytest.raises(Problem, match="one code an item"):
        ask(lambda x: x.reshape(-1), digits)


def test_scores_read_back_are_compared_unpaired(scores):
    mine, raw = (dataclasses.replace(scores.get("accuracy@8", c), evidence=None) for c in (None, "raw input"))
    gain = compare(mine, raw)
    assert gain.metric == "unpaired gain in accuracy@8"
    assert gain.low == pytest.approx(gain.value - np.hypot(mine.value - mine.low, raw.high - raw.value))
    assert isinstance(Scores([gain]).as_dicts(), list)


def test_large_sources_are_asked_of_a_bounded_part_labelled_items_first(digits, monkeypatch):
    monkeypatch.setattr("allegory.questions.gathering.MOST", {"train": 50, "validation": 20, "test": 30})
    values = digits.labels.values.copy()
    train = digits.part("train")
    values[train[40:]] = -1
    partly = dataclasses.replace(digits, labels=data.Labels(values, digits.labels.names))
    codes = np.arange(400.0)[:, None] * np.ones((1, 3))
    features, notes = gather(codes, partly)
    assert {name: len(rows) for name, rows in features.parts.items()} == {"train": 50, "validation": 20, "test": 30}
    item = features.sets[None].seeds[0][:, 0].long().numpy()
    assert np.array_equal(features.labels.numpy(), values[item])
    assert set(train[:40]) <= set(item[features.parts["train"].numpy()])
    assert set(item[features.parts["test"].numpy()]) <= set(digits.part("test"))
    raw = digits.take(item)[:, 0].reshape(100, -1)
    assert np.allclose(features.sets["raw input"].seeds[0].numpy(), raw / 8.0 - 1.0, atol=1e-6)
    assert any("asked of 100 of 400 items" in note for note in notes)


def test_an_encoder_that_learned_on_all_parts_is_not_compared_with_one_that_did_not(rep, digits):
    knowing = dataclasses.replace(rep, facts={**rep.facts, "trained_on": "all"})
    seen, unseen = (ask(r, digits, ["knn"], controls=[])[0] for r in (knowing, rep))
    assert "the encoder learned on all parts" in seen.protocol and "learned on" not in unseen.protocol
    with pytest.raises(Misuse, match="protocol"):
        compare(seen, unseen)


def test_views_differ_between_items_and_not_between_encoders():
    class Encoder:
        def codes(self, stored):
            return stored

        def pair(self, stored, dice):
            return (dice.keys[:, None],)

    many, few = (gathering._pair_of(Encoder(), None, rows)[0][:, 0].tolist() for rows in (np.arange(50), np.array([7, 3])))
    assert len(set(many)) == 50 and few == [many[7], many[3]]


def test_a_class_that_only_the_test_part_has_counts_as_wrong(rep, digits):
    values = digits.labels.values.copy()
    of_three = np.flatnonzero(values == 3)
    values[np.intersect1d(of_three, np.concatenate([digits.part("train"), digits.part("validation")]))] = -1
    partly = dataclasses.replace(digits, labels=data.Labels(values, digits.labels.names))
    scores = ask(rep, partly, ["knn"], controls=[])
    share = len(np.intersect1d(of_three, digits.part("test")))
    assert f"{share} test items are of a class without a labelled training item; they count as errors" in scores.notes
    assert scores.get("accuracy").value <= 1 - share / scores[0].n


def test_every_question_has_a_whole_card():
    for name, question in registered().items():
        card = question.card
        assert card.name == name and card.asks.endswith("?") and card.paper.year and card.paper.url.startswith("https://")
        assert all(f"{value:g}" in question().settings() for value in dataclasses.asdict(question()).values() if isinstance(value, float))


def test_relations_are_asked_for_where_there_are_some_and_not_missed_elsewhere(rep, digits, scores):
    assert not any("relations" in note for note in scores.notes)
    named = ask(rep, digits, ["relations"], controls=())
    assert any("relations was not asked" in note for note in named.notes)
    tree = data.open_source("tree")
    found = ask(learned(methods.find("PCA")(latent=2), tree), tree, controls=())
    assert "relations" in {s.question for s in found}
