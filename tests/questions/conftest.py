"""Codes with known structure, without any training."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from allegory.questions import CodeSet, Features


def blobs(n: int = 600, classes: int = 3, width: int = 8, apart: float = 2.0, seed: int = 0, labelled: float = 1.0) -> Features:
    """Gaussian classes `apart` standard deviations from the origin along their own axis; parts 60/20/20 at random."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    z = rng.normal(size=(n, width)) + apart * np.eye(classes, width)[y]
    part = np.arange(n) % 5
    labels = np.where(rng.uniform(size=n) < labelled, y, -1)
    parts = {
        "train": torch.as_tensor(np.flatnonzero(part < 3)),
        "validation": torch.as_tensor(np.flatnonzero(part == 3)),
        "test": torch.as_tensor(np.flatnonzero(part == 4)),
    }
    sets = {None: CodeSet((torch.as_tensor(z, dtype=torch.float32),))}
    return Features(sets, torch.as_tensor(labels), tuple("abcdefghij"[:classes]), parts, "blobs")


@pytest.fixture(scope="session")
def make_features() -> Callable[..., Features]:
    return blobs
