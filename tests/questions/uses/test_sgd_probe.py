"""The linear classifier in small steps: near the exact one, one step by hand, chance on random labels."""

import dataclasses

import numpy as np
import pytest
import torch

from allegory.questions import CodeSet, probing, put
from allegory.questions.uses.linear_probe import LinearProbe
from allegory.questions.uses.sgd_probe import SgdProbe


def test_one_step_by_hand(make_features):
    """Zero weights, two classes, one batch of rows (1) of class 0 and (-3) of class 1: p = 1/2 everywhere, residuals (-1/2, 1/2) and
    (1/2, -1/2); the mean gradient of W is ((1)(-1/2, 1/2) + (-3)(1/2, -1/2)) / 2 = (-1, 1), so W = rate (1, -1); the biases stay."""
    features = dataclasses.replace(make_features(n=10, classes=2), labels=torch.tensor([0, 1] * 5))
    z = torch.tensor([1.0, -3.0] * 5)[:, None]
    train = probing.Labelled(torch.tensor([0, 1]), torch.tensor([0, 1]))
    found = SgdProbe(rates=(0.5, 0.1), passes=1, steps=1).descended(z, train, features)
    assert torch.allclose(found.weight, torch.tensor([[[0.5, -0.5]], [[0.1, -0.1]]]).double())
    assert found.bias.abs().max() < 1e-7


@pytest.mark.parametrize("width", [8, 300])
def test_it_agrees_with_the_exact_probe(make_features, width):
    scores = put(make_features(n=2500, apart=1.5, width=width), [SgdProbe(), LinearProbe()])
    exact, small_steps = (scores.get("accuracy", question=q).value for q in ("linear_probe", "sgd_probe"))
    assert small_steps == pytest.approx(exact, abs=0.03)
    assert "A linear classifier fitted in small steps gets" in SgdProbe().words(scores.of("sgd_probe"))


def test_random_labels_are_at_chance_and_it_is_deterministic(make_features):
    features = make_features(n=2000, classes=4, apart=6.0)
    order = torch.as_tensor(np.random.default_rng(1).permutation(2000))
    shuffled = dataclasses.replace(features, labels=features.labels[order])
    one, two = (put(shuffled, [SgdProbe(steps=200, passes=2)]).get("accuracy").value for _ in range(2))
    assert one == two == pytest.approx(0.25, abs=0.07)


def test_hostile_codes(make_features):
    features = make_features(n=300, classes=4)
    flat = dataclasses.replace(features, sets={None: CodeSet((torch.full((300, 4), 3.7),))})
    assert put(flat, [SgdProbe(steps=50)]).get("balanced_accuracy").value == pytest.approx(0.25)
    assert "of one class only" in put(dataclasses.replace(features, labels=features.labels.clamp(max=0)), [SgdProbe()]).notes[0]
