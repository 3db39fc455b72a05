"""log p(x|z) against sums written out, in nats, summed over dimensions."""

import dataclasses
import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.core import Array, Dice, Misuse
from allegory.objectives import LIKELIHOODS, Categorical, Logistic, following, likelihood_of, widened

LOG_TAU = math.log(2 * math.pi)
VARIANCE, LEVELS = 0.3, 5
STEP = 2 / (LEVELS - 1)
SPEC = Array((2, 2, 2), levels=LEVELS)
NUMBERS = {"bernoulli": 1, "gaussian": 1, "sigma": 1, "logistic": 2, "categorical": LEVELS}


def pixels():
    """On the levels, black and white among them."""
    x = ((torch.tanh(2 * generic(3, 2, 2, 2, seed=1)) + 1) / STEP).round() * STEP - 1
    return x.detach().requires_grad_()


def given(kind):
    """What a decoder gives."""
    return generic(3, 2 * NUMBERS[kind], 2, 2)


def by_loops(kind, x, out, variance=VARIANCE):
    """Number by number."""
    parts = out.reshape(len(x), NUMBERS[kind], -1)
    totals = []
    for i, row in enumerate(x.reshape(len(x), -1)):
        totals.append(sum((one(kind, a, parts[i, :, j], variance) for j, a in enumerate(row)), x.new_zeros(())))
    return torch.stack(totals)


def one(kind, a, out, variance):
    """log p of one number."""
    if kind == "bernoulli":
        p, d = 1 / (1 + torch.exp(-out[0])), (a + 1) / 2
        return d * torch.log(p) + (1 - d) * torch.log(1 - p)
    if kind == "categorical":
        return torch.log(torch.exp(out) / torch.exp(out).sum())[round((float(a) + 1) / STEP)]
    if kind == "logistic":
        cdf = [1 / (1 + torch.exp(-(a + side * STEP / 2 - out[0]) / torch.exp(out[1]))) for side in (1, -1)]
        above, below = (1.0 if a > 0.99 else cdf[0]), (0.0 if a < -0.99 else cdf[1])
        return torch.log(above - below)
    v = variance if kind == "sigma" else 1.0
    return -((a - out[0]) ** 2) / (2 * v) - math.log(2 * math.pi * v) / 2


def ours(kind, variance=VARIANCE):
    return lambda x, out: likelihood_of(kind, SPEC).log_prob(x, out, torch.tensor(variance, dtype=x.dtype))


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_value_and_gradient(kind):
    x, out = pixels(), given(kind)
    assert ours(kind)(x, out).shape == (3,)
    if kind in ("logistic", "categorical"):  # x is a level: only the decoder has a gradient
        x = x.detach()
        assert_same(lambda o: ours(kind)(x, o), lambda o: by_loops(kind, x, o), out)
    else:
        assert_same(ours(kind), lambda a, b: by_loops(kind, a, b), x, out)


def test_by_hand():
    x, out = torch.tensor([[1.0, -1.0]]), torch.zeros(1, 2)
    kinds = {kind: likelihood_of(kind, Array((2,))) for kind in ("bernoulli", "gaussian", "sigma")}
    assert float(kinds["bernoulli"].log_prob(x, out)) == pytest.approx(-2 * math.log(2), abs=1e-6)  # two fair coins
    assert float(kinds["gaussian"].log_prob(x, out)) == pytest.approx(-1.0 - LOG_TAU, abs=1e-6)  # squares 1 and 1, halved
    # variance 4: squares 1 and 1 over 8, and log 2 a dimension for the normaliser
    assert float(kinds["sigma"].log_prob(x, out, torch.tensor(4.0))) == pytest.approx(-0.25 - LOG_TAU - 2 * math.log(2), abs=1e-6)


def test_three_levels_of_a_logistic_by_hand():
    """Mean 0, scale 1, levels -1, 0, 1 with cells ending at -.5 and .5: s(-.5), s(.5) - s(-.5), 1 - s(.5) with s(.5) = .62246."""
    p = Logistic(levels=3)
    x = torch.tensor([[-1.0], [0.0], [1.0]])
    found = p.log_prob(x, torch.zeros(3, 2)).exp()
    assert found.tolist() == pytest.approx([0.37754, 0.24492, 0.37754], abs=1e-5)


@pytest.mark.parametrize("kind", ["bernoulli", "logistic", "categorical"])
def test_probabilities_of_all_levels_sum_to_one(kind):
    spec = Array((1, 1, 1), levels=2 if kind == "bernoulli" else 256)
    p = likelihood_of(kind, spec)
    x = torch.linspace(-1, 1, p.levels, dtype=torch.float64).view(-1, 1, 1, 1)
    for seed in range(3):
        out = generic(1, p.numbers, 1, 1, seed=seed).detach().double()
        assert float(p.log_prob(x, out.expand(len(x), -1, -1, -1)).exp().sum()) == pytest.approx(1.0, abs=1e-9)


def test_a_level_far_out_keeps_a_finite_likelihood_and_a_slope():
    p, x = Logistic(levels=256), torch.full((1, 1, 1, 1), 0.25)
    out = torch.tensor([-0.9, -6.0]).view(1, 2, 1, 1).requires_grad_()
    value = p.log_prob(x, out)
    (slope,) = torch.autograd.grad(value.sum(), out)
    # log density in the middle of the cell, times its width: -(x - m)/s - log s + log step, to which e^(-464) adds nothing
    assert float(value.detach()) == pytest.approx(-1.15 * math.exp(6.0) + 6.0 + math.log(2 / 255), rel=1e-5)
    assert slope.isfinite().all() and float(slope[0, 0, 0, 0]) > 0


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("bernoulli", lambda x, o: by_loops("bernoulli", 2 * x - 1, o)),  # pixels taken as probabilities
        ("bernoulli", lambda x, o: -by_loops("bernoulli", x, o)),  # the sign
        ("gaussian", lambda x, o: 2 * (by_loops("gaussian", x, o) + 4 * LOG_TAU) - 4 * LOG_TAU),  # without the half
        ("gaussian", lambda x, o: by_loops("gaussian", x, o) / 8),  # a mean over dimensions
        ("sigma", lambda x, o: by_loops("sigma", x, o, VARIANCE**0.5)),  # sigma for sigma squared
        ("logistic", lambda x, o: by_loops("logistic", x, -o)),  # the scale upside down
        ("categorical", lambda x, o: by_loops("categorical", -x, o)),  # levels counted from white
    ],
)
def test_it_is_none_of_these(kind, wrong):
    assert_other(lambda o: ours(kind)(pixels().detach(), o), lambda o: wrong(pixels().detach(), o), given(kind))


def test_the_mean_squared_error_is_the_best_variance():
    x, out = pixels().detach(), given("sigma").detach()
    best = float((x - out).square().mean())
    assert all(ours("sigma", best)(x, out).sum() > ours("sigma", best * factor)(x, out).sum() for factor in (0.5, 0.9, 1.1, 2.0))


def test_missing_entries_count_nothing():
    for kind in LIKELIHOODS:
        x, out = pixels().detach(), given(kind).detach().requires_grad_()
        holes, p = x.clone(), likelihood_of(kind, dataclasses.replace(SPEC, holes=True))
        holes[:, 0] = math.nan
        both = x.clone()
        both[:, 0] = 0.0  # whatever stands there, the difference is theirs alone
        value = p.log_prob(holes, out, torch.tensor(VARIANCE))
        torch.testing.assert_close(value, p.log_prob(x, out, torch.tensor(VARIANCE), ~holes.isnan()))
        (slope,) = torch.autograd.grad(value.sum(), out)
        hidden = slope.unflatten(1, (NUMBERS[kind], -1))[:, :, 0]
        assert value.isfinite().all() and bool((hidden == 0).all()) and bool((slope != 0).any())
        apart = ours(kind)(both, out) - value
        alone = by_loops(kind, both[:, :1], out.unflatten(1, (NUMBERS[kind], -1))[:, :, :1].flatten(1, 2))
        torch.testing.assert_close(apart, alone, rtol=1e-5, atol=1e-6)


def test_what_is_seen_is_in_the_unit_of_the_data():
    out = torch.tensor([[0.0, math.log(3.0)]])  # probabilities 1/2 and 3/4
    assert likelihood_of("bernoulli", Array((2,))).mean(out)[0].tolist() == pytest.approx([0.0, 0.5], abs=1e-6)
    assert torch.equal(likelihood_of("gaussian", Array((2,))).mean(out), out)
    logits = torch.tensor([0.0, 0.0, math.log(2.0)]).view(1, 3, 1, 1)  # 1/4, 1/4, 1/2 of -1, 0, 1
    assert float(Categorical(levels=3, numbers=3).mean(logits)) == pytest.approx(0.25, abs=1e-6)
    assert float(Logistic(levels=3).mean(torch.tensor([[1.5, 0.0]]).view(1, 2, 1, 1))) == 1.0


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_draws_have_the_probabilities(kind):
    """The share of each level among 20,000 draws, or their mean and variance; five standard errors."""
    spec, n = Array((1, 1, 1), levels=2 if kind == "bernoulli" else 3), 20_000
    p, variance = likelihood_of(kind, spec), torch.tensor(0.25)
    out = torch.tensor([0.4, -0.3, 0.9])[: p.numbers].view(1, -1, 1, 1).expand(n, -1, -1, -1)
    drawn = p.sample(out, variance, Dice.roll(0, 0, torch.arange(n)))
    if p.levels is None:
        wanted = 0.25 if kind == "sigma" else 1.0
        assert float(drawn.mean()) == pytest.approx(0.4, abs=5 * (wanted / n) ** 0.5)
        assert float(drawn.var()) == pytest.approx(wanted, rel=5 * (2 / n) ** 0.5)
        return
    for level in torch.linspace(-1, 1, p.levels):
        share = float((drawn == level).float().mean())
        assert share == pytest.approx(float(p.log_prob(level.view(1, 1, 1, 1), out[:1]).exp()), abs=5 * 0.5 / n**0.5)


def test_grey_pixels_are_drawn_black_or_white_and_two_levels_stay():
    p, dice = likelihood_of("bernoulli", SPEC), Dice.roll(0, 0, torch.arange(20_000))
    grey = torch.full((20_000, 1), 0.5)
    drawn = p.drawn(grey, dice)
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    assert float((drawn > 0).float().mean()) == pytest.approx(0.75, abs=0.016)  # five standard errors
    assert torch.equal(grey, torch.full_like(grey, 0.5)) and not p.drawn(grey.requires_grad_(), dice).requires_grad
    assert torch.equal(p.drawn(drawn, dice), drawn)
    assert torch.equal(likelihood_of("sigma", SPEC).drawn(grey, dice), grey)


def test_which_follows_from_the_data_and_what_it_refuses():
    assert following(Array((1, 8, 8), levels=2)) == "bernoulli"
    assert following(Array((1, 8, 8), levels=256)) == "sigma" and following(Array((5,))) == "sigma"
    assert widened(Array((3, 8, 8), levels=4), 4) == Array((12, 8, 8))
    with pytest.raises(Misuse, match=r"'logistic' gives probabilities of levels.*use sigma or gaussian"):
        likelihood_of("logistic", Array((5,)))
