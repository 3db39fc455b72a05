"""What lightly's losses gave for the same numbers (benchmarks/parity/lightly.json), values and gradients.

A loss of ours that has another constant or scale is put into lightly's terms here, in one line.
"""

import json
from pathlib import Path

import pytest
import torch

from allegory import objectives

GOLDEN = json.loads((Path(__file__).parents[2] / "benchmarks" / "parity" / "lightly.json").read_text())
GAVE, SETTINGS = GOLDEN["outputs"], GOLDEN["settings"]
INPUTS = {name: torch.tensor(values, dtype=torch.float64) for name, values in GOLDEN["inputs"].items()}

OURS = {  # name: (ours in lightly's terms, the names of its inputs, how many of them lightly gives our gradient for)
    "nt_xent_bank": (
        lambda a, b: objectives.info_nce(a, b, SETTINGS["nt_xent_bank"]["temperature"], INPUTS["bank"]).mean(),
        ("a", "b"),
        2,
    ),  # the queue as it was before this batch
    "nt_xent": (lambda a, b: objectives.nt_xent(a, b, SETTINGS["nt_xent"]["temperature"]), ("a", "b"), 2),
    # 2 - 2 cos for -cos; the target has no gradient here, where lightly leaves it to the caller
    "cosine": (lambda a, b: objectives.cosine_regression(a, b).mean() / 2.0 - 1.0, ("a", "b"), 1),
    "barlow_twins": (lambda a, b: barlow_twins(a, b, SETTINGS["barlow_twins"]["lambda_param"]), ("a", "b"), 2),
    "vicreg_variance": (objectives.variance_hinge, ("a",), 1),
    "vicreg_covariance": (objectives.covariance_penalty, ("a",), 1),
    "swav_two_crops": (lambda *crops: swav(crops, **SETTINGS["swav"]), ("crop0", "crop1"), 2),
    "swav": (lambda *crops: swav(crops, **SETTINGS["swav"]), ("crop0", "crop1", "crop2", "crop3"), 4),
}


def barlow_twins(a, b, lam):
    invariance, redundancy = objectives.decorrelation(objectives.cross_correlation(a, b))
    return invariance + lam * redundancy


def swav(crops, temperature, sinkhorn_iterations, sinkhorn_epsilon):
    codes = [objectives.sinkhorn(crop, sinkhorn_epsilon, sinkhorn_iterations) for crop in crops[:2]]
    return objectives.swapped_prediction(crops, codes, temperature)


@pytest.mark.parametrize(("name", "iterations", "eps"), [("sinkhorn", 3, 0.05), ("sinkhorn_one", 1, 0.2), ("sinkhorn_settled", 500, 0.2)])
def test_sinkhorn(name, iterations, eps):
    got = objectives.sinkhorn(INPUTS["crop0"], eps, iterations)
    torch.testing.assert_close(got, torch.tensor(GAVE[name], dtype=torch.float64), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OURS)
def test_values_and_gradients(name):
    ours, given, known = OURS[name]
    leaves = [INPUTS[each].clone().requires_grad_() for each in given]
    value = ours(*leaves)
    assert float(value.detach()) == pytest.approx(GAVE[name]["value"], rel=1e-9)
    gradients = torch.autograd.grad(value, leaves[:known])
    for got, expected in zip(gradients, GAVE[name]["gradients"], strict=False):
        torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float64), rtol=1e-5, atol=1e-6)  # stored to 6 digits
