"""What a person sees while learning: what was resolved, then a bar on a terminal, or a line every so often when piped."""

import dataclasses
import sys
import time
from typing import IO

from tqdm import tqdm

from allegory.train.health import Watch
from allegory.train.learner import Learner
from allegory.train.steps import Tick

LINE_SECONDS = 10.0


def resolved(learner: Learner) -> str:
    """The method's settings, those that followed the data included, and how long it learns from what."""
    method, plan = learner.method, learner.plan
    settings = {f.name: getattr(method, f.name) for f in dataclasses.fields(method)}
    said = ", ".join(f"{k} {v}" for k, v in settings.items() if isinstance(v, (str, int, float)))
    return f"{type(method).__name__}: {said}; {plan.steps} steps of {plan.batch} of {len(learner.items)} items"


class Progress:
    """A listener. Rate, loss terms and health; `close` ends the bar."""

    def __init__(self, watch: Watch, stream: IO[str] | None = None):
        self.watch, self.stream = watch, stream or sys.stderr
        self.bar: tqdm[None] | None = None
        self.last = time.monotonic()
        self.begun = self.last
        self.first = 0

    def __call__(self, learner: Learner, tick: Tick) -> None:
        if not self.first:
            self.stream.write(f"{resolved(learner)}\n")
        if self.stream.isatty():
            self._draw(learner, tick)
        elif time.monotonic() - self.last > LINE_SECONDS or tick.step == learner.plan.steps:
            self._line(learner, tick)
        if not self.first:
            self.first = tick.step

    def _draw(self, learner: Learner, tick: Tick) -> None:
        if self.bar is None:
            name = type(learner.method).__name__
            self.bar = tqdm(total=learner.plan.steps, initial=tick.step - 1, desc=name, unit="step", file=self.stream, dynamic_ncols=True)
        self.bar.update(tick.step - self.bar.n)
        if tick.step % learner.plan.log_every == 0 or tick.step == learner.plan.steps:
            self.bar.set_postfix_str(self._figures(tick))

    def _line(self, learner: Learner, tick: Tick) -> None:
        self.last = time.monotonic()
        rate = (tick.step - self.first + 1) / max(1e-9, self.last - self.begun)
        self.stream.write(f"step {tick.step}/{learner.plan.steps}, {rate:.1f} steps/s, {self._figures(tick)}\n")
        self.stream.flush()

    def _figures(self, tick: Tick) -> str:
        terms = [f"{name.split('/')[-1]} {float(v):.3g}" for name, v in tick.terms.items() if not name.startswith("loss/")]
        health = [f"rank {self.watch.last['effective_rank']:.1f}"] if self.watch.last else []
        return ", ".join([*terms, *health, *self.watch.alarms])

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
