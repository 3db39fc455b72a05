"""DINO's cross-entropy against loops over pairs of views, against lightly, and against what one is tempted to write."""

import json
from pathlib import Path

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic, value_and_gradients

from allegory.objectives import sharpened, swapped_prediction

TAU_S, TAU_T = 0.5, 0.2


def softmax(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum()


def by_loops(student, teacher, centre, pairs=lambda i, j: i != j, tau_s=TAU_S, tau_t=TAU_T):
    """Caron et al. 2021, eq. 1 to 3, for every example."""
    losses = []
    for s, t in zip(student, teacher, strict=True):
        found = []
        for i in range(len(t)):
            target = softmax((t[i].detach() - centre) / tau_t)
            for j in range(len(s)):
                if pairs(i, j):
                    found.append(-sum(target[k] * torch.log(softmax(s[j] / tau_s))[k] for k in range(s.shape[1])))
        losses.append(sum(found) / len(found))
    return sum(losses) / len(losses)


def ours(student, teacher, centre):
    return swapped_prediction(student.unbind(1), [sharpened(view, centre, TAU_T) for view in teacher.unbind(1)], TAU_S)


def given():
    return generic(3, 4, 5), generic(3, 2, 5, seed=1), generic(5, seed=2).detach()


def test_value_and_gradient():
    student, teacher, centre = given()
    assert_same(lambda s, t: ours(s, t, centre), lambda s, t: by_loops(s, t, centre), student, teacher)
    two = student[:, :2].detach().requires_grad_()
    assert_same(lambda s, t: ours(s, t, centre), lambda s, t: by_loops(s, t, centre), two, teacher)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda s, t, c: by_loops(s, t, c, pairs=lambda i, j: True),  # a view also taught by itself
        lambda s, t, c: by_loops(s, t, c, pairs=lambda i, j: i != j and j < 2),  # the local views left out
        lambda s, t, c: by_loops(s, t, -c),  # the centre added
        lambda s, t, c: by_loops(s, t, c, tau_s=TAU_T, tau_t=TAU_S),  # temperatures swapped
        lambda s, t, c: by_loops(s, t, c, tau_s=1 / TAU_S, tau_t=1 / TAU_T),  # multiplied
        lambda s, t, c: by_loops(s, t, c) * 6,  # the sum over pairs
        lambda s, t, c: ours(s, t, c * TAU_T),  # the centre taken off after the temperature
    ],
)
def test_it_is_none_of_these(wrong):
    assert_other(ours, wrong, *given())


def test_no_gradient_reaches_the_teacher():
    student, teacher, centre = given()
    _, (_, to_teacher) = value_and_gradients(lambda s, t: ours(s, t, centre), student, teacher)
    assert to_teacher.abs().max() == 0


@pytest.mark.parametrize(
    "scores",
    [torch.zeros(2, 3, 4), torch.ones(2, 3, 4), torch.arange(24.0).view(2, 3, 4) * 1e4, torch.arange(4.0).expand(2, 3, 4)],
    ids=["zeros", "alike", "huge", "collapsed"],
)
def test_hostile_scores_stay_finite(scores):
    student = scores.clone().requires_grad_()
    targets = [sharpened(view, torch.zeros(4), 0.04) for view in scores[:, :2].unbind(1)]
    value, (g,) = value_and_gradients(lambda s: swapped_prediction(s.unbind(1), targets, 0.1), student)
    assert value.isfinite() and g.isfinite().all()


@pytest.mark.parametrize(("name", "crops"), [("dino", 2), ("dino_multi_crop", 4)])
def test_what_lightly_gave(name, crops):
    """`DINOLoss` of lightly 1.6.0; the centre is the one it was given, before its own step."""
    golden = json.loads((Path(__file__).parents[2] / "benchmarks" / "parity" / "lightly.json").read_text())
    x = {k: torch.tensor(v, dtype=torch.float64) for k, v in golden["inputs"].items() if not isinstance(v, str)}
    said, gave = golden["settings"]["dino"], golden["outputs"]
    leaves = [x[f"crop{i}"].clone().requires_grad_() for i in range(crops)]
    teacher = (x["teacher0"], x["teacher1"])
    value = swapped_prediction(leaves, [sharpened(view, x["centre"], said["teacher_temp"]) for view in teacher], said["student_temp"])
    assert value.item() == pytest.approx(gave[name]["value"], rel=1e-9)
    for got, expected in zip(torch.autograd.grad(value, leaves), gave[name]["gradients"], strict=True):
        torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float64), rtol=1e-5, atol=1e-6)  # stored to 6 digits
    after = x["centre"].lerp(torch.cat(teacher).mean(0), 1 - said["center_momentum"])
    torch.testing.assert_close(after, torch.tensor(gave["dino_centre_after"]).double(), rtol=1e-5, atol=1e-6)
