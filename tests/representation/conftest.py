"""Small representations to try things on."""

import numpy as np
import pytest
import torch

from allegory.core import Array
from allegory.data import Labels, Source
from allegory.methods.latent.beta_vae import BetaVAE
from allegory.methods.spectral.pca import PCA
from allegory.representation import Representation
from allegory.train import fit


@pytest.fixture(scope="session")
def images():
    """60 grey images of 8 x 8, 16 levels, with labels by name."""
    x = np.random.default_rng(0).integers(0, 16, (60, 1, 8, 8)).astype(np.uint8)
    labels = Labels(np.arange(60) % 3 - (np.arange(60) % 7 == 0), ("a", "b", "c"))
    return Source("noise", Array((1, 8, 8), levels=16), x, labels=labels, ids=[f"folder/{i}.png" for i in range(60)])


@pytest.fixture(scope="session")
def vectors():
    """80 vectors of 5 numbers, on scales far apart."""
    x = np.random.default_rng(1).normal(size=(80, 5)) @ np.diag([1.0, 10.0, 0.1, 1.0, 1.0]) + 3.0
    return Source("vectors", Array((5,)), x)


@pytest.fixture(scope="session")
def vae(images):
    return Representation.of(fit(BetaVAE(latent=4, likelihood="gaussian"), images, steps=3, batch=16, device="cpu"))


@pytest.fixture(scope="session")
def pca(vectors):
    return Representation.of(fit(PCA(latent=3), vectors, device="cpu"))


@pytest.fixture
def generators():
    """The state of the global generators, to be compared."""
    return lambda: (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist())
