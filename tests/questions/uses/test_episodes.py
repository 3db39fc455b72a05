"""Few-shot episodes: what is drawn, prototypes by hand, chance and certainty, and data too small for them."""

import dataclasses

import numpy as np
import pytest
import torch

from allegory.questions import CodeSet, put
from allegory.questions.uses.episodes import Episodes, Form, _told


def test_prototypes_by_hand():
    """Two classes on a line, examples 0, 2 (mean 1) and 6, 8 (mean 7); queries 2.5 and 5 of the first, 9 and 3.9 of the second: of
    these 5 and 3.9 lie on the wrong side of 4. By the first example of each alone (0 and 6) the border is 3, and only 5 is wrong."""
    z = torch.tensor([[0.0], [2.0], [2.5], [5.0], [6.0], [8.0], [9.0], [3.9]])
    index = torch.arange(8).view(1, 2, 4)
    assert torch.cat(list(_told(z, index, 2))).tolist() == [0.5]
    assert torch.cat(list(_told(z, index[:, :, [0, 2, 3]], 1))).tolist() == [0.75]
    z[3] = 3.5
    assert torch.cat(list(_told(z, index, 2))).tolist() == [0.75]


def test_an_episode_has_its_classes_its_items_once_and_from_the_test_part(make_features):
    features = make_features(n=1500, classes=8)
    form = Episodes().form(features, 5)
    assert form == Form(5, 15)
    drawn = Episodes().drawn(features, 5, form)
    assert drawn.shape == (600, 5, 20) and np.isin(drawn, features.labelled("test").numpy()).all()
    y = features.labels.numpy()[drawn]
    assert (y == y[:, :, :1]).all() and all(len(set(e[:, 0])) == 5 for e in y) and len(np.unique(drawn[0])) == 100
    assert np.array_equal(drawn, Episodes().drawn(dataclasses.replace(features, sets={}), 5, form))


def test_certain_at_chance_and_between(make_features):
    far, near = make_features(n=1500, classes=8, apart=12.0), make_features(n=1500, classes=8, apart=1.5)
    assert put(far, [Episodes()]).get("accuracy@5-way 1-shot").value > 0.97
    order = torch.as_tensor(np.random.default_rng(1).permutation(1500))
    shuffled = put(dataclasses.replace(far, labels=far.labels[order]), [Episodes()])
    assert shuffled.get("accuracy@5-way 5-shot").value == pytest.approx(0.2, abs=0.03)
    scores = put(near, [Episodes()])
    one, five = scores.get("accuracy@5-way 1-shot"), scores.get("accuracy@5-way 5-shot")
    assert 0.25 < one.value < five.value < 0.9
    assert "Of 5 classes with 1 example each, the nearest class mean tells" in Episodes().words(scores)


def test_the_interval_is_that_of_the_mean_over_episodes(make_features):
    """1.96 standard errors, to a tenth (1,000 resamplings)."""
    features, asked = make_features(n=1500, classes=8, apart=1.5), Episodes(shots=(1,))
    z = features.sets[None].seeds[0]
    z = torch.nn.functional.normalize(z - z[features.parts["train"]].mean(0))
    right = torch.cat(list(_told(z, torch.as_tensor(asked.drawn(features, 1, Form(5, 15))), 1))).numpy()
    score = put(features, [asked]).get("accuracy@5-way 1-shot")
    assert score.value == pytest.approx(right.mean(), abs=1e-4)
    assert (score.high - score.low) / 2 == pytest.approx(1.96 * right.std() / np.sqrt(600), rel=0.1)


def test_few_classes_and_few_items_are_said(make_features):
    small = make_features(n=60, classes=3)  # about 4 test items a class
    scores = put(small, [Episodes(episodes=20)])
    assert {s.metric.split()[0] for s in scores} == {"accuracy@3-way"} or {s.metric.split()[0] for s in scores} <= {
        "accuracy@3-way",
        "accuracy@2-way",
    }
    assert any("too small for 5-way with 15 queries" in note for note in scores.notes)
    one = dataclasses.replace(small, parts={**small.parts, "test": small.parts["test"][:1]})
    assert put(one, [Episodes()]).notes == ("episodes was not asked: fewer than two classes have more than 1 labelled test items",)
    flat = dataclasses.replace(make_features(n=900), sets={None: CodeSet((torch.zeros(900, 4),))})
    assert put(flat, [Episodes(episodes=50)]).get("accuracy@3-way 1-shot").value == pytest.approx(1 / 3)
