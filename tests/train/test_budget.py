"""A time budget becomes a number of steps once, and leaves no trace."""

import time

import pytest
from helpers.toys import Pairs, equal, learner_of, state, vectors

from allegory.train import budget, fit


@pytest.mark.parametrize(
    ("count", "steps"), [(1.0, 1), (9.9, 9), (10.0, 10), (99.9, 99), (100.0, 100), (109.0, 100), (123.0, 120), (98765.0, 98000)]
)
def test_rounded_down_to_two_digits(count, steps):
    assert budget.rounded(count) == steps


def test_the_trial_leaves_the_learner_as_it_was():
    learner = learner_of(Pairs())
    before = state(learner)
    budget.in_steps(learner, 1.0)
    assert equal(before, state(learner))
    assert learner.step == 0
    assert not learner.optimisers["coder"].state


def test_steps_by_the_clock(monkeypatch):
    """A clock on which each of the trial's steps takes a tenth of a second: 25 of them leave 7.55 of 10.05 seconds, so 75 steps."""
    learner, now = learner_of(Pairs()), [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def slow(trial):
        for tick in real(trial):
            now[0] += 0.1
            yield tick

    real = budget.steps
    monkeypatch.setattr(budget, "steps", slow)
    # the clock moves before each tick is seen, so the 20 timed steps take 2 seconds
    assert budget.in_steps(learner, 10.05) == 75
    now[0] = 0.0
    assert budget.in_steps(learner, 0.001) == 1, "never none"


def test_a_fit_runs_for_about_its_budget():
    begun = time.perf_counter()
    fitted = fit(Pairs(), vectors(), budget=0.5, batch=8, device="cpu")
    assert fitted.plan.steps == budget.rounded(fitted.plan.steps)
    assert time.perf_counter() - begun < 10.0  # a busy machine is granted twenty times its budget
