"""Codes beside the data that they came from, without any training."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from allegory.questions import CodeSet, Features


def features_of(*codes: np.ndarray, data: np.ndarray | None = None, labels: np.ndarray | None = None, **more) -> Features:
    """Codes of one or more training seeds, the data as raw input; of five items three train, one validates and one tests."""
    n = len(codes[0])
    part = np.arange(n) % 5
    parts = {
        "train": torch.as_tensor(np.flatnonzero(part < 3)),
        "validation": torch.as_tensor(np.flatnonzero(part == 3)),
        "test": torch.as_tensor(np.flatnonzero(part == 4)),
    }
    sets = {None: CodeSet(tuple(torch.as_tensor(z, dtype=torch.float32) for z in codes))}
    if data is not None:
        sets["raw input"] = CodeSet((torch.as_tensor(data, dtype=torch.float32),))
    known = np.full(n, -1) if labels is None else labels
    names = () if labels is None else tuple(f"class {c}" for c in range(int(known.max()) + 1))
    return Features(sets, torch.as_tensor(known), names, parts, "made up", **more)


@pytest.fixture(scope="session")
def of_codes() -> Callable[..., Features]:
    return features_of
