"""Regression on hidden parts, normalised patches and how a picture is cut, against loops."""

import json
import math
from pathlib import Path

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic, value_and_gradients

from allegory.objectives import masked_regression, pieces, standardised


def standardised_by_loops(v, eps=1e-6, count=lambda d: d - 1):
    rows = []
    for row in v.flatten(0, -2):
        d = len(row)
        mean = sum(row) / d
        variance = sum((a - mean) ** 2 for a in row) / count(d)
        rows.append(torch.stack([(a - mean) / torch.sqrt(variance + eps) for a in row]))
    return torch.stack(rows).view(v.shape)


def test_standardised_and_its_gradient():
    v = generic(2, 3, 5)
    weights = generic(2, 3, 5, seed=1).detach()
    assert_same(lambda a: standardised(a) * weights, lambda a: standardised_by_loops(a) * weights, v)
    layer = lambda a: standardised_by_loops(a, 1e-5, lambda d: d) * weights
    assert_same(lambda a: standardised(a, 1e-5, unbiased=False) * weights, layer, v)
    torch.testing.assert_close(standardised(v, 1e-5, unbiased=False), torch.nn.functional.layer_norm(v, (5,)))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda v: standardised_by_loops(v, count=lambda d: d),  # the variance over d where d - 1 is due
        lambda v: standardised_by_loops(v.flatten(1)).view(v.shape),  # over the whole picture, not patch by patch
        lambda v: (v - v.mean(-1, keepdim=True)) / (v.var(-1, keepdim=True) + 1e-6),  # over the variance
    ],
)
def test_standardised_is_none_of_these(wrong):
    weights = generic(2, 3, 5, seed=1).detach()
    assert_other(lambda v: standardised(v) * weights, lambda v: wrong(v) * weights, generic(2, 3, 5))


def regression_by_loops(p, t):
    losses = []
    for row, goal in zip(p, t.detach(), strict=True):
        errors = [(a - b) ** 2 for a, b in zip(row.flatten(), goal.flatten(), strict=True)]
        losses.append(sum(errors) / len(errors))
    return torch.stack(losses)


def test_regression_and_its_gradient():
    p, t = generic(3, 4, 2), generic(3, 4, 2, seed=1)
    assert masked_regression(p, t).shape == (3,)
    assert_same(masked_regression, regression_by_loops, p, t)
    assert_same(masked_regression, regression_by_loops, generic(3, 2, 4, 2), generic(3, 2, 4, 2, seed=1))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p, t: (p - t).square().flatten(1).sum(1),  # a sum over numbers
        lambda p, t: (p - t).square().mean(),  # one mean where one value an example is due
        lambda p, t: (p - t).abs().flatten(1).mean(1),
    ],
)
def test_regression_is_none_of_these(wrong):
    assert_other(masked_regression, wrong, generic(3, 4, 2), generic(3, 4, 2, seed=1))


def test_no_gradient_reaches_the_target():
    _, (_, to_target) = value_and_gradients(masked_regression, generic(3, 4, 2), generic(3, 4, 2, seed=1))
    assert to_target.abs().max() == 0


@pytest.mark.parametrize(
    "v", [torch.zeros(2, 3, 4), torch.ones(2, 3, 4), torch.full((2, 3, 4), 1e4), torch.arange(24.0).view(2, 3, 4) * 1e4]
)
def test_hostile_patches_stay_finite(v):
    v = v.double().requires_grad_()
    value, (g,) = value_and_gradients(lambda a: masked_regression(standardised(a), a * 0), v)
    assert value.isfinite() and g.isfinite().all()
    value, (g,) = value_and_gradients(lambda a: masked_regression(a, standardised(a)), v)
    assert value.isfinite() and g.isfinite().all()


def test_a_picture_is_cut_row_by_row():
    """2 channels of 4 x 6 in patches of 2: the patch in row 1 and column 2 is number 5."""
    x = torch.arange(48.0).view(1, 2, 4, 6)
    cut = pieces(x, 2)
    assert cut.shape == (1, 6, 8)
    assert cut[0, 5].tolist() == [16, 40, 17, 41, 22, 46, 23, 47]
    assert math.isclose(float(cut.sum()), float(x.sum()))
    assert torch.equal(pieces(x, 1)[0, 7], x[0, :, 1, 1])


def test_a_picture_is_cut_as_lightly_cuts_it():
    golden = json.loads((Path(__file__).parents[2] / "benchmarks" / "parity" / "lightly.json").read_text())
    cut = pieces(torch.tensor(golden["inputs"]["image"]).double(), 2)
    assert torch.equal(cut, torch.tensor(golden["outputs"]["patchify"]).double())
