"""What lightly's losses gave for the same numbers (benchmarks/parity/lightly.json), values and gradients.

A loss of ours that has another constant or scale is put into lightly's terms here, in one line.
"""

import json
from pathlib import Path

import pytest
import torch

from allegory import measures, objectives
from allegory.core.method import move_average
from allegory.nets.vit import sines

GOLDEN = json.loads((Path(__file__).parents[2] / "benchmarks" / "parity" / "lightly.json").read_text())
GAVE, SETTINGS = GOLDEN["outputs"], GOLDEN["settings"]
INPUTS = {name: torch.tensor(values, dtype=torch.float64) for name, values in GOLDEN["inputs"].items()}

CROPS = ("crop0", "crop1", "crop2", "crop3")

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
    "vicreg": (lambda a, b: vicreg(a, b, **SETTINGS["vicreg"]), ("a", "b"), 2),
    "align_uniform": (lambda a, b: align_uniform(a, b, **SETTINGS["align_uniform"]), ("a", "b"), 2),
    "dino": (lambda *crops: dino(crops, **SETTINGS["dino"]), ("crop0", "crop1"), 2),
    "dino_multi_crop": (lambda *crops: dino(crops, **SETTINGS["dino"]), CROPS, 4),
    "swav_queue": (lambda *crops: swav(crops, **SETTINGS["swav"], queues=("queue0", "queue1")), CROPS, 4),
    "swav_two_crops": (lambda *crops: swav(crops, **SETTINGS["swav"]), ("crop0", "crop1"), 2),
    "swav": (lambda *crops: swav(crops, **SETTINGS["swav"]), CROPS, 4),
}


def barlow_twins(a, b, lam):
    invariance, redundancy = objectives.decorrelation(objectives.cross_correlation(a, b))
    return invariance + lam * redundancy


def vicreg(a, b, lambda_param, mu_param, nu_param, eps):
    del eps  # 1e-4, the paper's, is ours
    variance = objectives.variance_hinge(a) + objectives.variance_hinge(b)
    covariance = objectives.covariance_penalty(a) + objectives.covariance_penalty(b)
    return lambda_param * (a - b).square().mean() + mu_param * variance / 2 + nu_param * covariance


def align_uniform(a, b, t, lam, alpha):
    assert alpha == 2.0
    a, b = measures.on_sphere(a), measures.on_sphere(b)
    return measures.alignment(a, b) + lam * (measures.uniformity(a, t) + measures.uniformity(b, t)) / 2


def dino(crops, teacher_temp, student_temp, center_momentum):
    del center_momentum
    targets = [objectives.sharpened(INPUTS[name], INPUTS["centre"], teacher_temp) for name in ("teacher0", "teacher1")]
    return objectives.swapped_prediction(crops, targets, student_temp)


def swav(crops, temperature, sinkhorn_iterations, sinkhorn_epsilon, queues=()):
    """With `queues`, the scores of codes kept from earlier batches are balanced with those of this batch."""
    scores = [torch.cat([crop, *(INPUTS[name] for name in queues[i : i + 1])]) for i, crop in enumerate(crops[:2])]
    codes = [objectives.sinkhorn(each, sinkhorn_epsilon, sinkhorn_iterations)[: len(crops[0])] for each in scores]
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


def test_a_teacher_follows_its_student():
    student, teacher = torch.nn.Linear(4, 2).double(), torch.nn.Linear(4, 2).double()
    with torch.no_grad():
        student.weight.copy_(INPUTS["a"][:2])
        teacher.weight.copy_(INPUTS["b"][:2])
    move_average(teacher, student, 0.9)
    torch.testing.assert_close(teacher.weight.detach(), torch.tensor(GAVE["momentum_weight"], dtype=torch.float64), rtol=1e-5, atol=1e-6)


def test_positions_of_patches():
    torch.testing.assert_close(sines(2, 2, 8), torch.tensor(GAVE["sincos_2d"]), rtol=1e-5, atol=1e-6)
