"""From what was told to what is learned: which data, method and settings, from flags, from a configuration, or from a run."""

import contextlib
import dataclasses
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allegory import api, methods, runs
from allegory.cli.told import Optimiser, Training, What, Where
from allegory.core import Method, Misuse, Optim, nearest
from allegory.data import Source
from allegory.data.open import options_of
from allegory.representation import Representation
from allegory.runs import Origin, Run
from allegory.train import Interrupted, Settings

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
LENGTH = ("steps", "epochs", "budget")


@dataclass(frozen=True)
class Task:
    """What to learn. `method` None: the default for the data, with `own` settings."""

    origin: Origin
    method: Method[Any] | None
    own: dict[str, Any]
    settings: Settings
    seeds: int
    where: Where
    out: Path = Path()
    default: bool = False

    def chosen(self, source: Source) -> Method[Any]:
        """The method, with its settings. Raises `Misuse` for a setting that it does not have."""
        method = self.method or api.default_method(source)
        known = [f.name for f in dataclasses.fields(method)]
        for name in self.own:
            if name not in known:
                raise nearest(name.replace("_", "-"), known, f"flag of {type(method).__name__}, the default for this data:")
        return dataclasses.replace(method, **self.own)

    def described(self) -> str:
        """The method, and whether it was chosen for you."""
        chosen = " (the default for this data; --method chooses another)" if self.default else ""
        return f"method: {type(self.method).__name__}{chosen}, into {self.out}"


@dataclass(frozen=True)
class Done:
    """What was learned: the run (or the study of several seeds) and its representations."""

    run: Run
    reps: list[Representation]


def task(data: str | None, own: dict[str, Any], what: What, where: Where, training: Training, optimiser: Optimiser) -> Task:
    """What the flags say. Raises `Misuse` when they do not say enough."""
    run = Run(Path(where.out)) if where.out else None
    if where.resume and run is not None and run.started:
        config: dict[str, Any] | None = run.config
        if data or own or what != What() or training != Training() or optimiser != Optimiser():
            sys.stderr.write(f"note: going on with the settings in {run.path}/config.yaml; other flags are not read\n")
        data, own, what, training, optimiser = None, {}, What(), Training(), Optimiser()
    else:
        config = runs.read_config(what.config) if what.config else None
    if config is None and data is None:
        if where.resume and run is not None:
            raise Misuse(f"there is no run in {run.path} to resume; to begin one, give DATA: allegory learn DATA --out {run.path}")
        raise Misuse("which run? Add --out RUN" if where.resume else "which data? For example: allegory learn digits")
    method, settings = (None, Settings()) if config is None else api.from_config(config)
    if what.method is not None and type(method) is not methods.find(what.method):
        method = methods.find(what.method)()
    seeds = (config or {}).get("seeds", 1) if training.seeds is None else training.seeds
    if seeds < 1:
        raise Misuse(f"seeds must be above 0, got {seeds}")
    return Task(origin(data, what, config), method, own, over(settings, training, optimiser), seeds, where, default=method is None)


def origin(data: str | None, what: What, config: dict[str, Any] | None) -> Origin:
    """Where the data come from: from the flags, or from the configuration where they are silent."""
    options = {k: v for text in what.options for k, v in options_of(text).items()}
    if config is None:
        return Origin.of(data, what.labels, options, what.all)
    known = runs.read_origin(config)
    if data is not None:
        return Origin.of(data, what.labels, options, what.all or known.all)
    labels = Origin.of(known.data or "", what.labels).labels if what.labels else known.labels
    return Origin(known.data, labels, {**known.options, **options}, what.all or known.all)


def over(settings: Settings, training: Training, optimiser: Optimiser) -> Settings:
    """`settings` with what was told on top."""
    said: dict[str, Any] = {k: v for k, v in vars(training).items() if v is not None and k != "seeds"}
    if "budget" in said:
        said["budget"] = seconds(said["budget"])
    if any(name in said for name in LENGTH):
        said = dict.fromkeys(LENGTH) | said
    if "batch" in said or "logical_batch" in said:
        said.setdefault("micro", None)
    optim = {"name" if k == "optim" else k: v for k, v in vars(optimiser).items()}
    return dataclasses.replace(settings, **said, optim=Optim(**optim).over(settings.optim))


def seconds(text: str) -> float:
    """A time as 60s, 5m, 1.5h or a number of seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip().lower())
    if match is None or not float(match[1]):
        raise Misuse(f"budget: expected a time above 0 as 60s, 5m or 1h, got {text!r}")
    return float(match[1]) * UNITS[match[2] or "s"]


def learn(task: Task, source: Source) -> Done:
    """Learns once, or once a seed into RUN/seed-0, RUN/seed-1 ...; what is there already is not learned again."""
    if task.seeds == 1:
        return Done(Run(task.out), [_once(task, source, task.out, task.settings)])
    study = Run.begin(task.out, task.where.resume, task.where.overwrite)
    assert task.method is not None
    study.write_config(task.origin, task.method, task.settings, seeds=task.seeds)
    study.write_facts(data=runs.data_facts(source), state="running", seeds=[task.settings.seed + i for i in range(task.seeds)])
    inner = dataclasses.replace(task, where=dataclasses.replace(task.where, resume=True, overwrite=False))
    settings, reps = task.settings, list[Representation]()
    for seed in range(settings.seed, settings.seed + task.seeds):
        sys.stderr.write(f"seed {seed}\n")
        out = task.out / f"seed-{seed}"
        try:
            reps.append(_once(inner, source, out, dataclasses.replace(settings, seed=seed)))
            if settings.budget:  # the first seed's steps are everybody's
                settings = dataclasses.replace(settings, steps=api.from_config(Run(out).config)[1].steps, budget=None)
        except Interrupted as e:
            study.write_facts(state="interrupted")
            raise Interrupted(f"{str(e).partition('. Go on')[0]}. Go on with: allegory learn --resume --out {task.out}") from None
    study.write_facts(state="done")
    return Done(study, reps)


@contextlib.contextmanager
def resumable(out: Path) -> Iterator[None]:
    """Ctrl-C within the block says how to go on; for what comes after learning, when the model is kept already."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"stopped after learning; the model is kept. Go on with: allegory learn --resume --out {out}") from None


def _once(task: Task, source: Source, out: Path, settings: Settings) -> Representation:
    return api.learn(
        source, task.method, out=out, resume=task.where.resume, overwrite=task.where.overwrite, settings=settings,
        all_items=task.origin.all, quiet=False, origin=task.origin, save_every=task.where.save_every,
    )  # fmt: skip
