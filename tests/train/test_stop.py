"""Ctrl-C once finishes the step; twice stops at once; the handlers are put back."""

import os
import signal
import threading

import pytest
from checks.planted import Linear
from helpers.toys import equal, learner_of, state, vectors

from allegory.train import Interrupted, fit, steps
from allegory.train.stop import on_request


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_finishes_the_step(number):
    seen = []

    def listen(learner, tick):
        seen.append((learner.step, tick.step, state(learner)))
        if tick.step == 3:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match="stopped after step 3 of 10"):
        fit(Linear(), vectors(), steps=10, batch=8, device="cpu", listeners=[listen], index=range(40))
    assert signal.getsignal(number) is before
    assert [s[:2] for s in seen] == [(1, 1), (2, 2), (3, 3)]
    whole = learner_of(Linear())
    for tick in steps(whole):
        if tick.step == 3:
            break
    assert equal(seen[-1][2], state(whole)), "the state is that of three whole steps"


def test_in_the_middle_of_a_step_it_is_finished_too():
    class Asks(Linear):
        def after_step(self, net, now, memos):
            if now.step == 1:
                os.kill(os.getpid(), signal.SIGINT)
            super().after_step(net, now, memos)

    ticks = []
    with pytest.raises(Interrupted, match="after step 2"):
        fit(Asks(), vectors(), steps=10, batch=8, device="cpu", listeners=[lambda _, tick: ticks.append(tick.step)])
    assert ticks == [1, 2]


def test_in_the_last_step_it_changes_nothing():
    def listen(_, tick):
        if tick.step == 10:
            os.kill(os.getpid(), signal.SIGINT)

    assert fit(Linear(), vectors(), steps=10, batch=8, device="cpu", listeners=[listen]).plan.steps == 10


def test_twice_stops_at_once():
    with pytest.raises(KeyboardInterrupt), on_request() as wish:
        os.kill(os.getpid(), signal.SIGINT)
        assert wish.asked
        os.kill(os.getpid(), signal.SIGINT)


def test_another_thread_sets_no_handlers():
    done = []
    thread = threading.Thread(target=lambda: done.append(fit(Linear(), vectors(), steps=2, batch=8, device="cpu").plan.steps))
    thread.start()
    thread.join()
    assert done == [2]
