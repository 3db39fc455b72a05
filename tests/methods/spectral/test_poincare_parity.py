"""What gensim gave for the same batch of relations (benchmarks/parity/poincare.json)."""

import json
from pathlib import Path

import pytest
import torch

from allegory.measures import hyperbolic
from allegory.methods.spectral.poincare import Poincare

GOLDEN = json.loads((Path(__file__).parents[3] / "benchmarks" / "parity" / "poincare.json").read_text())
GAVE = {name: torch.tensor(values, dtype=torch.float64) for name, values in GOLDEN["outputs"].items()}
U, V = (torch.tensor(GOLDEN["inputs"][name], dtype=torch.float64) for name in ("u", "v"))


def test_distances():
    torch.testing.assert_close(hyperbolic.distance(U[:, None], V), GAVE["distances"], rtol=1e-9, atol=0)
    torch.testing.assert_close(hyperbolic.distance(U[0], U[1:]), GAVE["from_one"], rtol=1e-9, atol=0)


def test_loss_and_gradients():
    theta = torch.cat([U, V.reshape(-1, 3)])
    candidates = 6 + torch.arange(30).view(6, 5)
    loss, gradient = Poincare().descent(theta, torch.arange(6), candidates, torch.ones(6, 5, dtype=torch.bool))
    assert loss.item() == pytest.approx(GAVE["loss"].item(), rel=1e-9)
    torch.testing.assert_close(gradient[:6], GAVE["gradient_u"], rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(gradient[6:], GAVE["gradient_v"].reshape(-1, 3), rtol=1e-8, atol=1e-12)
