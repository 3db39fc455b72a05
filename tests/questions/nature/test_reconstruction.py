import dataclasses

import numpy as np
import pytest
import torch
from helpers.learned import learned, vae

from allegory.questions import put
from allegory.questions.nature.reconstruction import Reconstruction, evidence


def test_evidence_by_hand():
    """Errors 1 and 3 of spreads 4 and 12: a quarter is lost. Of 2 numbers an item: mse (1 + 3) / 2 / 2."""
    found = evidence(np.array([1.0, 3.0]), np.array([4.0, 12.0]), 2.0, seed=0)
    assert found["share_of_variance"].value == 0.75 and found["mse"].value == 1.0
    assert evidence(np.array([1.0, 3.0]), np.zeros(2), 2.0, 0).keys() == {"mse"}


def test_a_solved_pca_is_its_own_control():
    """The method PCA gives back what the control of the same size does: one formula, two ways, and stored units are levels."""
    features = learned("PCA", "digits", None, latent=8)
    scores = put(features, [Reconstruction()])
    own, control = scores.get("share_of_variance"), scores.get("share_of_variance", "pca")
    assert own.value == pytest.approx(control.value, abs=2e-3) and 0.55 < own.value < 0.75
    test = torch.as_tensor(features.stored(features.parts["test"]).reshape(len(features.parts["test"]), -1), dtype=torch.float64)
    train = torch.as_tensor(features.stored(features.parts["train"]).reshape(len(features.parts["train"]), -1), dtype=torch.float64)
    _, _, axes = torch.linalg.svd(train - train.mean(0), full_matrices=False)
    rest = (test - train.mean(0)) - (test - train.mean(0)) @ axes[:8].T @ axes[:8]
    assert scores.get("mse", "pca").value == pytest.approx(float(rest.square().mean()), rel=1e-4)
    assert control.low < control.value < control.high


def test_training_gives_back_more_than_none():
    scores = put(vae(), [Reconstruction()])
    assert scores.get("share_of_variance").low > scores.get("share_of_variance", "untrained").high
    assert scores.get("gain in share_of_variance", "untrained").low > 0
    assert "PCA with as many numbers gives" in Reconstruction().words(scores)


def test_who_cannot_decode_is_told(make_features):
    assert "decode" in put(make_features(), [Reconstruction()]).notes[0]
    features = vae()
    one = dataclasses.replace(features, parts=dict(features.parts) | {"test": features.parts["test"][:1]})
    assert "fewer than 2 test items" in put(one, [Reconstruction()]).notes[0]
