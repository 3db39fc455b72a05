import dataclasses

import numpy as np
import pytest
import torch

from allegory import data
from allegory.questions import CodeSet, put
from allegory.questions.nature import provable
from allegory.questions.nature.provable import HALVES, Provable


class Told:
    """An encoder whose views are known beforehand: rows of two tensors by the item's number, which is its only stored value."""

    def __init__(self, one, two):
        self.one, self.two = one, two

    def codes(self, stored):
        return self.one[torch.as_tensor(stored[:, 0]).long()]

    def pair(self, stored, dice):
        rows = torch.as_tensor(stored[:, 0]).long()
        return self.one[rows], self.two[rows]


@pytest.fixture
def told(make_features):
    """Features whose method shows x1 and x2 as its two views."""

    def of(x1, x2, n=1500):
        features = make_features(n=n, classes=3)
        one, two = (
            torch.as_tensor(x(features.labels.numpy(), np.random.default_rng(i)), dtype=torch.float32) for i, x in enumerate((x1, x2))
        )
        source = data.open_source(np.stack([np.arange(n), np.arange(n) % 7], 1).astype(np.float32))
        test = features.parts["test"]
        sets = {None: CodeSet((one,), ((one[test], two[test]),), (Told(one, two),))}
        return dataclasses.replace(features, sets=sets, source=source, viewed=len(test))

    return of


def of_class(y, rng):
    return 3 * np.eye(3)[y] + rng.standard_normal((len(y), 3))


def values(scores, who=None):
    return {s.metric: s.value for s in scores if s.control == who}


def test_views_that_share_only_the_class(told):
    """Nothing is left between them, and the linear reader of the prediction is as good as the probe."""
    scores = put(told(of_class, of_class), [Provable()])
    found = values(scores)
    assert abs(found["residual_dependence"]) < 0.03
    assert found["accuracy_of_readout"] > 0.8 and found["share_of_probe"] == pytest.approx(1.0, abs=0.04)
    assert found["accuracy_of_readout"] / found["accuracy_of_probe"] == pytest.approx(found["share_of_probe"])
    assert "little more than the class" in Provable().words(scores)
    assert scores[0].n == 300 and scores[0].split == "test"


def test_views_that_share_something_else(told):
    """The prediction is of what they share beside the class: half of X2's numbers are copies of noise in X1, three times as strong."""
    other = np.random.default_rng(9).standard_normal((1500, 6)) * 3

    def one(y, rng):
        return np.concatenate([of_class(y, rng), other], 1)

    def mixed(y, rng):
        return of_class(y, rng) @ rng.standard_normal((3, 6)) * 0.2 + other

    scores = put(told(one, mixed), [Provable()])
    found = values(scores)
    assert found["residual_dependence"] > 0.8 and found["share_of_probe"] < 0.85
    assert "much beside the class" in Provable().words(scores)


def test_noise_shares_nothing(told):
    scores = put(told(of_class, of_class), [Provable()])
    found = values(scores, "noise")
    assert (
        abs(found["residual_dependence"]) < 0.02 and abs(found["accuracy_of_readout"] - 1 / 3) < 0.12
    )  # four standard errors at 300 items
    assert HALVES in {s.control for s in scores}
    blind = put(told(of_class, lambda y, rng: rng.standard_normal((len(y), 3))), [Provable()])
    assert "times as often" in Provable().words(blind)
    blind = put(told(lambda y, rng: rng.standard_normal((len(y), 3)), of_class), [Provable()])
    assert "no oftener than one of noise" in Provable().words(blind)


def test_halves_of_pictures_and_of_columns(make_features):
    """Left and right of a picture 8 high and 16 wide; of five columns the first two and the last three."""
    features = make_features(n=40)
    x = np.arange(40 * 8, dtype=np.uint8).reshape(40, 1, 2, 4)
    pictures = dataclasses.replace(features, source=data.open_source(np.repeat(np.repeat(x, 4, 2), 4, 3)))
    left, right = provable.of_one_item(pictures, torch.tensor([0, 1]))
    assert left.shape == right.shape == (2, 64)
    flat = (np.repeat(np.repeat(x, 4, 2), 4, 3)[:2].astype(np.float32) / 127.5 - 1)[..., :8].reshape(2, -1)
    np.testing.assert_allclose(left.numpy(), flat, atol=1e-5)
    table = dataclasses.replace(features, source=data.open_source(np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)))
    first, last = provable.of_one_item(table, torch.tensor([3]))
    assert first.shape == (1, 2) and last.shape == (1, 3)


def test_principal_components_are_those_of_the_items_to_fit_on():
    x = np.random.default_rng(0).normal(size=(30, 6)) * (5, 4, 1e-3, 1e-3, 1e-3, 1e-3)
    found = provable.narrowed(x, np.arange(20), 2)
    assert found.shape == (30, 2) and np.abs(np.corrcoef(found[:, 0], x[:, 0])[0, 1]) > 0.99
    assert provable.narrowed(x, np.arange(20), 6) is x


def test_what_cannot_be_asked_is_said(make_features, told):
    assert "two views" in put(make_features(), [Provable()]).notes[0]
    assert "50 labelled training items" in put(told(of_class, of_class, n=60), [Provable()]).notes[0]
    assert "the same for every item" in put(told(lambda y, rng: np.ones((len(y), 2)), of_class), [Provable()]).notes[0]
    unlabelled = dataclasses.replace(told(of_class, of_class), labels=torch.full((1500,), -1))
    assert "no labels" in put(unlabelled, [Provable()]).notes[0]
