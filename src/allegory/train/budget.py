"""A time budget is turned once into a number of steps; from then on the run is defined by that number."""

import copy
import dataclasses
import math
import time

import torch

from allegory.core import batch_mean
from allegory.train.learner import Learner, compiled
from allegory.train.steps import steps

TIMED, WARM = 20, 5


def in_steps(learner: Learner, seconds: float) -> int:
    """How many steps fit into `seconds`: 20 timed steps (after 5 to warm up) on a copy that is thrown away, then two digits."""
    begun = time.perf_counter()
    trial = Learner(learner.method, copy.deepcopy(learner.net), learner.items, dataclasses.replace(learner.plan, steps=TIMED + WARM))
    trial.labels, trial.classes = learner.labels, learner.classes
    if trial.plan.compile:
        compiled(trial.net)
    start = begun
    for tick in steps(trial):
        if tick.step == WARM:
            start = _when_done(trial)
    now = _when_done(trial)
    count = max(1.0, (seconds - (now - begun)) * TIMED / (now - start))
    return rounded(float(batch_mean(torch.tensor([count], dtype=torch.float64, device=learner.items.device))))  # every process the same


def _when_done(learner: Learner) -> float:
    """The time at which the device has done all that it was told."""
    if learner.items.device.type == "cuda":
        torch.cuda.synchronize(learner.items.device)
    return time.perf_counter()


def rounded(count: float) -> int:
    """Rounded down to two significant digits."""
    unit = 10 ** max(0, math.floor(math.log10(count)) - 1)
    return int(count // unit) * unit
