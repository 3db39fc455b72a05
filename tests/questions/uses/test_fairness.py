import dataclasses

import numpy as np
import pytest
import torch

from allegory.questions import CodeSet, put
from allegory.questions.uses.fairness import Fairness


def asked(features, **settings):
    scores = put(features, [Fairness(**settings)])
    return scores, {s.control: s.value for s in scores if s.metric == "unfairness"}


def test_truth_is_fair_and_what_mixes_factors_is_not(on_sprites):
    features = on_sprites()
    scores, found = asked(features)
    assert found["truth"] == 0.0 and found[None] > 0.05
    own, worst = scores.get("unfairness"), scores.get("unfairness_of_worst_pair")
    assert own.low < own.value < own.high < 1 and worst.value > own.value
    assert scores.get("gain in unfairness", "truth").value == pytest.approx(own.value)
    assert scores.notes == () and "0%" in Fairness().words(scores)


def test_it_is_the_mean_of_the_table_of_the_measure(on_sprites):
    features = on_sprites()
    question = Fairness(train=100, points=20)
    _, found = asked(features, train=100, points=20)
    subject = next(features.sets[None].subjects(None))
    assert found[None] == pytest.approx(np.nanmean(question.table(subject, features)[0]))
    (heat,) = question.pictures(subject, features)
    assert heat.rows == ("shape", "scale", "orientation", "x", "y") and np.isnan(heat.values[0][0])
    assert np.nanmean(heat.values) == pytest.approx(found[None])


def test_without_counterparts_a_note_says_so(on_sprites):
    """Half of the items are gone at random: no item has all its counterparts for 4 places."""
    features = on_sprites()
    kept = np.sort(np.random.default_rng(0).permutation(len(features))[: len(features) // 2])
    index = torch.as_tensor(kept)
    parts = {name: torch.as_tensor(np.flatnonzero(np.isin(kept, rows.numpy()))) for name, rows in features.parts.items()}
    some = dataclasses.replace(
        features, sets={None: CodeSet((features.sets[None].seeds[0][index],))}, labels=features.labels[index], parts=parts, rows=kept
    )
    scores, found = asked(some)
    assert "stand in" in scores.notes[0] and "x" in scores.notes[0]
    assert found["truth"] > 0  # by chance: items that have a value differ in more than that


def test_a_constant_code_is_fair_for_it_says_nothing(on_sprites):
    features = on_sprites(torch.ones(432, 3))
    _, found = asked(features)
    assert found[None] == 0.0


def test_what_cannot_be_asked_is_said(make_features, on_sprites):
    assert "factors" in put(make_features(), [Fairness()]).notes[0]
    features = on_sprites()
    few = dataclasses.replace(features, parts={**features.parts, "test": features.parts["test"][:1]})
    assert "fewer than 32 test items" in put(few, [Fairness()]).notes[0]
    one = on_sprites(where="sprites:size=16,shapes=1,scales=1,orientations=1,xs=1,ys=32")
    assert "two factors that vary" in put(one, [Fairness()]).notes[0]


def test_plain_trees_have_a_protocol_of_their_own(on_sprites):
    features = on_sprites()
    assert Fairness().protocol(features) != Fairness(trees="plain").protocol(features)
