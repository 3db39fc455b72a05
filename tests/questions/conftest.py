"""Codes with known structure, without any training."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from allegory import data
from allegory.questions import CodeSet, Features

GRID = "sprites:size=16,scales=3,orientations=3,xs=4,ys=4"  # 432 items


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


def sprites_coded(z: torch.Tensor | None = None, where: str = GRID) -> Features:
    """A grid of sprites with codes `z`; by default the factors, turned, with a little noise."""
    source = data.open_source(where)
    values = source.factors.values[:, 1:]
    if z is None:
        rng = np.random.default_rng(0)
        mixed = (values - values.mean(0)) @ np.linalg.qr(rng.standard_normal((5, 5)))[0] + 0.05 * rng.standard_normal(values.shape)
        z = torch.as_tensor(mixed, dtype=torch.float32)
    labels = torch.as_tensor(source.labels.values)
    parts = {name: torch.as_tensor(source.part(name)) for name in ("train", "validation", "test")}
    return Features({None: CodeSet((z,))}, labels, source.labels.names, parts, "sprites", source=source)


@pytest.fixture(scope="session")
def on_sprites() -> Callable[..., Features]:
    return sprites_coded
