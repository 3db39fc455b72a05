"""A run that was learned before, and data in the form that it reads."""

import sys
from pathlib import Path

from allegory import runs
from allegory.cli.job import Done
from allegory.core import Misuse, Problem
from allegory.data import Source
from allegory.data.open import open_source, options_of
from allegory.representation import Representation
from allegory.runs import Run


def free(out: str | None, overwrite: bool) -> None:
    """Raises `Misuse` when there is a file already that may not be replaced."""
    if out is not None and Path(out).exists() and not overwrite:
        raise Misuse(f"{out} exists already; choose another --out, or replace it with --overwrite")


def learned(path: str) -> Done:
    """A run with its representations: one, or one a training seed. Raises `Problem` when there is none."""
    run = Run.open(path)
    finished = [r for r in run.seeds or [run] if r.learned]
    if not finished:
        raise Problem(f"{path} has no model yet ({run.facts.get('state', 'unknown')}); go on with: allegory learn --resume --out {path}")
    return Done(run, [r.representation for r in finished])


def representation(path: str) -> Representation:
    """The representation of a run (of its first seed), or of a folder that `Representation.save` wrote."""
    if (Path(path) / "run.json").is_file():
        return learned(path).reps[0]
    return Representation.load(path)


def run_and_data(path: str, data: str | None, labels: str | None = None, options: list[str] | None = None) -> tuple[Done, Source]:
    """A run, and data opened the way its own were; without `data`, its own."""
    done = learned(path)
    said = {k: v for text in options or [] for k, v in options_of(text).items()}
    if data is None:
        own = runs.read_origin((done.run if done.run.started else done.run.seeds[0]).config)
        if own.data is None:
            raise Problem(f"{path} was learned from an object in Python; say which data: allegory evaluate {path} DATA")
        source = open_source(own.data, labels or own.labels, **{**own.options, **said})
    else:
        source = open_source(data, labels, like=done.reps[0].intake, **said)
    sys.stderr.write(f"{source.describe()}\n")
    return done, source
