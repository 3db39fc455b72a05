"""What is hidden, and how well it is said: places by hand, a method that knows the answer, and tables with holes of their own."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.learned import learned

import allegory as al
from allegory.core import Optim
from allegory.methods.latent.vae import VAE
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.given_back import Terms
from allegory.questions.uses.imputation import LOWER, MEAN, NEAR, PPCA, Imputation, lowest, places_of


@pytest.fixture(scope="module")
def table():
    """Six numbers that two explain, a fifth of them missing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2)) @ rng.normal(size=(2, 6)) + 0.3 * rng.normal(size=(500, 6))
    source = al.load(np.where(rng.random(x.shape) < 0.2, np.nan, x))
    return gather(al.learn(source, VAE(latent=2), steps=100, seed=0, optim=Optim(lr=4e-3)), source, ("untrained",))[0]


def test_what_is_hidden_by_hand():
    """Of 4 known places half are 2, of 3 it is 2 (1.5, to the even one), of 1 none; what is missing (2) is never drawn."""
    draws = torch.tensor([[0.4, 0.1, 0.3, 0.9], [0.2, 0.1, 2.0, 0.9], [2.0, 2.0, 2.0, 0.5]])
    expected = [[False, True, True, False], [True, True, False, False], [False] * 4]
    assert lowest(draws, torch.arange(4), 0.5).tolist() == expected
    pixels = torch.tensor([[0.4, 0.1, 0.3, 0.4, 0.1, 2.0]])  # three pixels of two channels, one of which is missing
    assert lowest(pixels, torch.tensor([0, 1, 2, 0, 1, 2]), 0.34).tolist() == [[False, True, False, False, True, False]]


def test_a_category_is_one_place():
    frame = pd.DataFrame({"kind": ["u", "v", "w"] * 10, "a": np.arange(30.0), "side": ["l", "r"] * 15})
    rep = al.learn(al.load(frame), VAE(latent=1), steps=1)
    assert places_of(Terms(rep)).tolist() == [1, 0, 0, 0, 2, 2]


def test_a_table_with_holes(table):
    scores = put(table, [Imputation()])
    own, pca = (scores.get("share_of_variance", who) for who in (None, PPCA))
    assert scores.get("share_of_variance", MEAN).value == 0.0
    assert own.low > 0.15 and own.low > scores.get("share_of_variance", "untrained").high
    assert own.value > pca.value - 0.1 and scores.get("share_of_variance", NEAR).value > 0.1
    assert scores.get("gain in share_of_variance", MEAN).low > 0 and scores.get(f"mse{LOWER}") is None
    assert "of hidden entries is said from the rest (nearest neighbours" in Imputation().words(scores)


def test_a_completion_is_scored_on_the_hidden_entries_alone(table, monkeypatch):
    """One that says 0 everywhere, known or not, is as good as the mean of standardised columns; one that swaps both is told."""
    monkeypatch.setattr(VAE, "complete", lambda self, net, x, known, dice: torch.zeros_like(x))
    assert put(table, [Imputation()]).get("share_of_variance").value == pytest.approx(0.0, abs=0.02)
    seen = []

    def answer(self, net, x, known, dice):
        seen.append((x, known))
        return torch.where(known, x, 7.0)

    monkeypatch.setattr(VAE, "complete", answer)
    assert put(table, [Imputation()]).get("share_of_variance").value < -10
    x, known = seen[0]
    assert (x[~known] == 0).all() and 0.5 < known.double().mean() < 0.62  # a fifth is missing, and .3 of the rest hidden


def test_images_and_their_lower_half():
    features = learned("VAE", "digits", 40, latent=6, encoder="mlp-plain", decoder="mlp")
    few = dataclasses.replace(features, parts=dict(features.parts) | {"test": features.parts["test"][:60]})
    scores = put(few, [Imputation(learned=200)])
    for suffix in ("", LOWER):
        near, mean = (scores.get(f"share_of_variance{suffix}", who) for who in (NEAR, MEAN))
        assert near.value > 0.2 and mean.value == 0.0
        assert scores.get(f"share_of_variance{suffix}").value > scores.get(f"share_of_variance{suffix}", "untrained").value
    # in stored units, levels from 0 to 16: the spread of the lower half's pixels around their training mean
    x = np.asarray(few.stored(few.parts["test"]), dtype=np.float64)[:, :, 4:]
    middle = np.asarray(few.stored(few.parts["train"]), dtype=np.float64)[:, :, 4:]
    step = max(1, -(-len(middle) // 200))
    assert scores.get(f"mse{LOWER}", MEAN).value == pytest.approx(((x - middle[::step].mean(0)) ** 2).mean(), rel=0.05)


def test_who_cannot_complete_is_told(make_features):
    assert "complete" in put(make_features(), [Imputation()]).notes[0]
