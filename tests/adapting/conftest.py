"""A representation of digits, and what was adapted from it."""

import numpy as np
import pytest

from allegory import api
from allegory.adapting import choosing
from allegory.adapting.target import labelled
from allegory.core import Array
from allegory.data import Source
from allegory.methods.spectral.pca import PCA


@pytest.fixture(scope="session")
def digits():
    return api.load("digits")


@pytest.fixture(scope="session")
def rep(digits):
    return api.learn(digits, PCA(latent=30), device="cpu")


@pytest.fixture(scope="session")
def adapted(rep, digits):
    return api.adapt(rep, digits)


@pytest.fixture(scope="session")
def numbers(rep, digits):
    """A model that tells how much ink there is."""
    ink = digits.x.reshape(len(digits), -1).sum(1).astype(np.float64) + 0.5
    source, target = labelled(digits, ink, rep.intake)
    return choosing.adapt(rep, source, target)


@pytest.fixture(scope="session")
def several(rep, digits):
    """A model that tells two things at once: even, and small."""
    y = digits.labels.values
    source, target = labelled(digits, [[n for n, held in (("even", v % 2 == 0), ("small", v < 5)) if held] for v in y], rep.intake)
    return choosing.adapt(rep, source, target)


@pytest.fixture(scope="session")
def vectors():
    return Source("vectors", Array((5,)), np.random.default_rng(0).normal(size=(20, 5)))
