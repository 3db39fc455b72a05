"""Faults on a device that nobody waits for: no parameter moves after the first, which is told with its step when somebody looks."""

import contextlib
import math

import pytest
import torch
from checks.planted import Linear
from helpers.toys import equal, learner_of

from allegory.core import Loss, Optim, batch_mean
from allegory.train import NotFinite, steps
from allegory.train.finite import Guard


class Poisoned(Linear):
    """In the fourth step alone, one term is NaN."""

    def loss(self, net, batch, now):
        fine = batch_mean(self.error(net, batch.x))
        bad = fine * (math.nan if now.step == 3 else 1.0)
        return Loss(fine + bad, {"error": fine, "bad": bad}, memo=batch.x)


class Steep(Linear):
    """A finite loss whose slope is not in the second step: sqrt at 0."""

    def loss(self, net, batch, now):
        error = batch_mean(self.error(net, batch.x))
        none = net.g.bias[0] - net.g.bias[0].detach() + (1.0 if now.step != 1 else 0.0)
        return Loss(error + none.abs().sqrt(), {"error": error}, memo=batch.x)


def lagging(method, name="adamw"):
    learner = learner_of(method, optim=Optim(name=name, lr=0.01), log_every=6, steps=12)
    learner.guard = Guard(lags=True)
    return learner


def inside(learner):
    kept = {f"{i}/{k}": v.clone() for i, s in enumerate(learner.optimisers["coder"].state.values()) for k, v in s.items() if v is not None}
    return {name: p.detach().clone() for name, p in learner.players[0].parameters} | kept


@pytest.mark.parametrize("name", ["adamw", "sgd", "lars"])
def test_nothing_moves_after_a_fault_and_the_first_look_tells_its_step(name):
    learner = lagging(Poisoned(), name)
    going = steps(learner)
    for _ in range(3):
        next(going)
    before = inside(learner)
    next(going), next(going)
    assert equal(before, inside(learner))
    with pytest.raises(NotFinite, match=r"step 4: bad of 'coder' is not finite.*--lr"):
        next(going)
    assert equal(before, inside(learner))


def test_a_gradient_that_is_not_finite_is_told_too():
    learner = lagging(Steep())
    going = steps(learner)
    next(going), next(going)
    with pytest.raises(NotFinite, match=r"step 2: gradient of 'coder'"):
        learner.guard.look()


@pytest.mark.parametrize("name", ["adamw", "sgd", "lars"])
def test_without_a_fault_the_steps_are_those_of_the_cpu(name):
    late, now = lagging(Linear(), name), lagging(Linear(), name)
    now.guard = Guard(lags=False)
    list(steps(late)), list(steps(now))
    assert equal(inside(late), inside(now))


def test_the_cpu_is_looked_at_at_once():
    assert not learner_of(Linear()).guard.lags


@pytest.mark.parametrize(("gradient", "stops"), [([3e38, 3e38], False), ([math.inf, -math.inf], True), ([math.nan, 0.0], True)])
def test_a_sum_that_overflows_is_no_fault_but_an_infinite_entry_is(gradient, stops):
    learner = learner_of(Linear())
    loss, found = Loss(torch.zeros(())), [torch.tensor(gradient), torch.zeros(3)]
    with pytest.raises(NotFinite) if stops else contextlib.nullcontext():
        learner.guard.check(learner.players[0], 0, loss, found, learner.optimisers["coder"])


@pytest.mark.parametrize("total", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_told_though_its_gradient_is(total):
    learner = learner_of(Linear())
    with pytest.raises(NotFinite, match="total"):
        learner.guard.check(learner.players[0], 0, Loss(torch.tensor(total)), [torch.ones(3)], learner.optimisers["coder"])
