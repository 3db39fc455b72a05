"""A run that was learned before, and data in the form that it reads."""

import sys
from pathlib import Path
from typing import Any

from allegory import runs
from allegory.adapting.adapted import Adapted
from allegory.adapting.target import Target, labelled
from allegory.cli.job import Done
from allegory.core import Misuse, Problem
from allegory.data import Source
from allegory.data.open import open_source, options_of
from allegory.representation import Representation
from allegory.runs import Origin, Run


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
    said = _said(options)
    if data is None:
        own = _origin(done, path, "evaluate")
        source = open_source(own.data, labels or own.labels, **{**own.options, **said})
    else:
        source = open_source(data, labels, like=done.reps[0].intake, **said)
    sys.stderr.write(f"{source.describe()}\n")
    return done, source


def run_and_target(
    path: str, data: str | None, labels: str | None, attribute: str | None, options: list[str] | None
) -> tuple[Representation, Source, Target]:
    """The first representation of a run, and data with what is to be told of them; without `data` or `labels`, the run's own."""
    done = learned(path)
    rep, said, what = done.reps[0], _said(options), labels
    if data is None:
        own = _origin(done, path, "adapt")
        data, said, what = own.data, {**own.options, **said}, labels or (own.labels if own.labels != "none" else None)
    source, target = labelled(data, what, rep.intake, attribute, **said)
    sys.stderr.write(f"{source.describe()}\n")
    return rep, source, target


def adapted(path: str) -> Adapted:
    """The model that adapt left in a run, or in a folder of its own. Raises `Problem` when there is none."""
    inside = Path(path) / "adapted"
    if (Path(path) / "run.json").is_file() and not inside.is_dir():
        raise Problem(f"{path} has no model that labels yet; make one with: allegory adapt {path} --labels labels.csv")
    return Adapted.load(inside if inside.is_dir() else path)


def like(rep: Representation, data: str, options: list[str] | None = None) -> Source:
    """Data opened the way that a representation reads them."""
    source = open_source(data, like=rep.intake, **_said(options))
    sys.stderr.write(f"{source.describe()}\n")
    return source


def _said(options: list[str] | None) -> dict[str, Any]:
    return {k: v for text in options or [] for k, v in options_of(text).items()}


def _origin(done: Done, path: str, verb: str) -> Origin:
    """Where a run's own data are."""
    own = runs.read_origin((done.run if done.run.started else done.run.seeds[0]).config)
    if own.data is None:
        raise Problem(f"{path} was learned from an object in Python; say which data: allegory {verb} {path} DATA")
    return own
