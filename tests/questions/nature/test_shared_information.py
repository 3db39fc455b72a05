import dataclasses
import math

import numpy as np
import pytest
import torch

from allegory.measures.information import gaussian_information
from allegory.questions import CodeSet, put
from allegory.questions.nature.shared_information import SharedInformation


def asked(of_codes, one, two, ask=None):
    features = of_codes(one)
    pair = tuple(torch.as_tensor(z, dtype=torch.float32) for z in (one, two))
    return put(dataclasses.replace(features, sets={None: CodeSet((pair[0],), (pair,))}, viewed=len(one)), [ask or SharedInformation()])


def gaussians(d, nats, n=2048, seed=0):
    rho = math.sqrt(1 - math.exp(-2 * nats / d))
    assert gaussian_information(rho, d) == pytest.approx(nats)
    x, e = np.random.default_rng(seed).normal(size=(2, n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * e


def test_known_information_is_approached_from_below(of_codes):
    """1.5 nats in three dimensions, learned from 1,024 pairs and measured on 512; MINE, which is no bound on few items, may be above."""
    scores = asked(of_codes, *gaussians(3, 1.5))
    for metric, most in (("info_nce", 1.6), ("nwj", 1.6), ("mine", 1.8)):
        assert 1.0 < scores.get(metric).value < most
        assert scores.get(metric).low < scores.get(metric).value < scores.get(metric).high
        assert scores.get(metric, "noise").value == pytest.approx(0.0, abs=0.1)
    assert "tells at least 1." in SharedInformation().words(scores)


def test_what_is_shared_by_equal_codes_ends_at_the_log_of_the_items(of_codes):
    x, _ = gaussians(12, 1.0, n=640)
    scores = asked(of_codes, x, x)
    assert math.log(160) - 0.8 < scores.get("info_nce").value <= math.log(160)
    assert "it may be much more" in SharedInformation().words(scores)


def test_hostile_codes(of_codes):
    rng = np.random.default_rng(1)
    quick = SharedInformation(steps=50)
    constant = asked(of_codes, np.ones((640, 4)), np.ones((640, 4)), quick)
    assert constant.get("info_nce").value == pytest.approx(0.0, abs=1e-6)
    wide = asked(of_codes, rng.normal(size=(640, 900)), rng.normal(size=(640, 900)), quick)
    assert wide.get("info_nce").value < 0.1
    assert "come without a way to encode two views" in put(of_codes(np.eye(300)), [quick]).notes[0]
    state = torch.random.get_rng_state()
    asked(of_codes, *gaussians(2, 1.0, n=640), quick)
    assert torch.equal(state, torch.random.get_rng_state())
