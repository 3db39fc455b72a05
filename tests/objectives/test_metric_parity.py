"""What pytorch-metric-learning gave for the same codes and classes (benchmarks/parity/metric_losses.json)."""

import json
from pathlib import Path

import pytest
import torch

from allegory.objectives import contrastive, hypersphere_softmax, n_pairs, sup_con, triplet
from allegory.objectives.miners import MINERS, on_sphere, weights

GOLDEN = json.loads((Path(__file__).parents[2] / "benchmarks" / "parity" / "metric_losses.json").read_text())
GAVE, SETTINGS = GOLDEN["outputs"], GOLDEN["settings"]
Y = torch.tensor(GOLDEN["inputs"]["y"])
W = torch.tensor(GOLDEN["inputs"]["W"], dtype=torch.float64)
MARGIN, TAU = SETTINGS["triplet_margin"], SETTINGS["tau"]

LOSSES = {
    "n_pairs": lambda z: n_pairs(z, Y)[0],
    "hypersphere_softmax": lambda z: hypersphere_softmax(z, W, Y, TAU)[0],
    "sup_con": lambda z: sup_con(z, Y, TAU),
    "triplet all": lambda z: triplet(z, Y, MARGIN, "all")[0],
    "triplet semi-hard": lambda z: triplet(z, Y, MARGIN, "semi-hard")[0],
    "triplet hardest": lambda z: triplet(z, Y, MARGIN, "hardest")[0],
}


def codes():
    return torch.tensor(GOLDEN["inputs"]["z"], dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient(name):
    z = codes()
    loss = LOSSES[name](z)
    (gradient,) = torch.autograd.grad(loss, z)
    assert loss.item() == pytest.approx(GAVE[name]["value"], rel=1e-12)
    torch.testing.assert_close(gradient, torch.tensor(GAVE[name]["gradient"], dtype=torch.float64), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("miner", ["all", "semi-hard", "hardest"])
def test_triplets(miner):
    ours = {tuple(map(int, t)) for t in zip(*MINERS[miner](on_sphere(codes().detach(), Y), MARGIN, None), strict=True)}
    assert ours == {tuple(t) for t in GAVE[f"triplet {miner}"]["triplets"]}


def test_weights_of_the_distance_weighted_miner():
    theirs = torch.tensor(GAVE["weights"], dtype=torch.float64)
    torch.testing.assert_close(weights(on_sphere(codes().detach(), Y)), theirs, rtol=1e-9, atol=1e-12)


def test_contrastive():
    """Theirs are D and max(0, margin - D) of each pair; the loss of the paper has half their squares."""
    similar, dissimilar = (torch.tensor(GAVE["contrastive"][kind], dtype=torch.float64) for kind in ("pos", "neg"))
    theirs = (similar.square().mean() + dissimilar.square().mean()) / 2
    assert contrastive(codes().detach(), Y, SETTINGS["margin"]).item() == pytest.approx(theirs.item(), rel=1e-12)
