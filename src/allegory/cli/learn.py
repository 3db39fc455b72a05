"""Learns a representation of DATA, judges it beside its controls, and writes a run: model, scores, report.

DATA is a name (digits, patches, sprites:size=16, manifold:name=S2xS2), a folder of images, a .npy, .npz, .csv or .parquet file, or
hierarchy:FILE with the columns child and parent.

  allegory learn digits
  allegory learn photos/ --labels folders --budget 10m --out runs/photos
  allegory learn photos/ --labels tenth.csv --data size=64 --method BYOL --tau 0.99
  allegory learn table.csv --labels species --method BetaVAE --latent 16 --beta 2
  allegory learn digits --seeds 5                          intervals over training seeds
  allegory learn --resume --out runs/photos                after Ctrl-C or a crash
  allegory learn --config runs/digits/config.yaml --out again

A method's own settings are flags too: allegory learn --method SimCLR --help shows them.
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from allegory.cli.flags import is_flag, parameters, squashed
from allegory.cli.told import GROUPS, After, Optimiser, Training, What, Where

OWN = "own_"
DEFAULTS = ("SimCLR", "BetaVAE")  # the methods one of which is taken when none is named
FIELDS = {cls: {f.name for f in dataclasses.fields(cls)} for cls in GROUPS}
DATA = inspect.Parameter(
    "data", inspect.Parameter.POSITIONAL_ONLY, default=None, annotation=Annotated[str | None, Parameter(help="a name, a folder or a file")]
)


def prepared(tokens: Sequence[str]) -> Callable[..., int]:
    """The verb with the flags that these tokens call for: its own, and those of the method that they name."""
    ours = [p for i, (cls, title) in enumerate(GROUPS.items()) for p in parameters(cls, title, rank=i)]
    classes = _methods_of(tokens, ours)
    if len(classes) == 1:
        ours = [p for i, (cls, title) in enumerate(GROUPS.items()) for p in parameters(cls, title, _recipe(classes[0]), rank=i)]
    theirs: dict[str, inspect.Parameter] = {}
    for cls in classes:
        for p in parameters(cls, f"{cls.__name__}'s own", rank=-1):
            theirs.setdefault(p.name, _beside(p, {q.name for q in ours}))

    def learn(data: str | None = None, /, **said: Any) -> int:
        told = {cls: cls(**{k: v for k, v in said.items() if k in FIELDS[cls]}) for cls in GROUPS}
        own = {k.removeprefix(OWN): v for k, v in said.items() if k.startswith(OWN)}
        return run(data, own, *told.values())

    learn.__signature__ = inspect.Signature([DATA, *ours, *theirs.values()])  # type: ignore[attr-defined]
    return learn


def run(data: str | None, own: dict[str, Any], what: What, where: Where, training: Training, optimiser: Optimiser, after: After) -> int:
    """Learns, judges, tells."""
    from allegory.cli import job, judge
    from allegory.cli.together import together
    from allegory.pages import mapping
    from allegory.train.distribution import leads

    if after.evaluate:
        mapping.chosen(after.map)  # refused before anything is learned
    task = job.task(data, own, what, where, training, optimiser)
    source = task.origin.open()
    method = task.chosen(source)
    task = dataclasses.replace(task, method=method, out=Path(where.out or _default_out(data or task.origin.data, method, source)))
    if leads():
        sys.stderr.write(f"{source.describe()}\n{task.described()}\n")
    with together(task) as shared:
        done = job.learn(shared, source)
    if not leads():
        return 0
    scores = done.run.answers
    if after.evaluate and not (where.resume and done.run.judged):
        with job.resumable(task.out):
            scores = judge.ask(done, source)
            judge.write(done, source, scores, done.run.path, after.map)
    judge.tell(done, source, after.json, scores, done.run.path)
    return 0


def _methods_of(tokens: Sequence[str], ours: Sequence[inspect.Parameter]) -> list[type]:
    """The classes whose fields may be said: that of --method, of --config, or, if there are flags that are not learn's, of the defaults."""
    method, config = _value(tokens, "--method"), _value(tokens, "--config")
    if method is not None:
        from allegory import methods

        return [methods.find(method)]
    known = {squashed(flag) for p in ours for flag in _flags(p)} | {squashed("--help")}
    unknown = any(is_flag(t) and squashed(t.partition("=")[0]) not in known for t in tokens)
    if not unknown:
        return []
    from allegory import api, methods, runs

    if config is not None:
        return [type(api.from_config(runs.read_config(config))[0])]
    return [methods.find(name) for name in DEFAULTS]


def _flags(p: inspect.Parameter) -> list[str]:
    """What a parameter is called on the command line."""
    options = p.annotation.__metadata__
    names = [name for option in options for name in option.name or ()] or [f"--{p.name}"]
    return [*names, f"--no-{p.name}"]


def _value(tokens: Sequence[str], flag: str) -> str | None:
    """What stands after a flag, before anything is parsed."""
    for token, following in zip(tokens, [*tokens[1:], None], strict=False):
        name, equals, value = token.partition("=")
        if is_flag(token) and squashed(name) == squashed(flag):
            return value if equals else following
    return None


def _beside(p: inspect.Parameter, taken: set[str]) -> inspect.Parameter:
    """A method's field as a parameter; one with the name of a flag of ours is called --own-NAME."""
    name = f"--own-{p.name}" if p.name in taken else f"--{p.name}"
    hint, options = p.annotation.__origin__, p.annotation.__metadata__
    return p.replace(name=OWN + p.name, annotation=Annotated[hint, *options, Parameter(name=name.replace("_", "-"))])


def _recipe(cls: Any) -> dict[str, Any]:
    """What the flags that are not said will be, for the help."""
    recipe = getattr(cls, "recipe", None)
    if recipe is None:
        return {}
    from allegory.core import DEFAULT

    optim = dataclasses.asdict(recipe.optim.over(DEFAULT))
    return {**optim, "optim": optim["name"], "steps": recipe.steps, "batch": recipe.batch}


def _default_out(data: str | None, method: Any, source: Any) -> str:
    """runs/DATA-METHOD"""
    name = Path(data.partition(":")[0]).stem if data else source.name
    return f"runs/{re.sub('[^A-Za-z0-9._-]+', '-', name) or 'data'}-{type(method).__name__}"
