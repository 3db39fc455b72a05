"""What a run leaves: a folder from which it can be read, judged, repeated and resumed. Every file is written whole or not at all.

config.yaml (every resolved setting), run.json (data, counts, versions, time, exit state), metrics.jsonl, checkpoints/, model/,
scores.json with details.json (notes and pictures of the answers), report.html, README.md, features/ (codes kept for later questions).
"""

import contextlib
import dataclasses
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from allegory.core import Method, Misuse, Optim, Problem, files, plain
from allegory.data import PARTS, Source
from allegory.data.open import BUILT_IN, open_source
from allegory.questions import Scores
from allegory.representation import Representation
from allegory.train import Learner, Plan, Settings, Tick, checkpoints
from allegory.train.fit import every
from allegory.train.health import Watch

FORMAT = 1
OURS = (
    "config.yaml", "run.json", "metrics.jsonl", "scores.json", "details.json", "report.html", "README.md",
    "model", "checkpoints", "features", "adapted",
)  # fmt: skip
LEFTOVER = re.compile(r"\.(" + "|".join(map(re.escape, OURS)) + r")(\..+)?\.(part|old)")
SEED = re.compile(r"seed-\d+")


@dataclass(frozen=True)
class Origin:
    """How the data of a run was opened, so that it can be opened again. `data` None: an object in somebody's Python."""

    data: str | None = None
    labels: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    all: bool = False

    @staticmethod
    def of(data: Any, labels: Any = None, options: Mapping[str, Any] | None = None, all_items: bool = False) -> "Origin":
        """Paths are made absolute, so that a run can be resumed from any folder."""
        named = isinstance(data, (str, os.PathLike)) and (labels is None or isinstance(labels, (str, os.PathLike)))
        told = None if labels is None or not named else os.fspath(labels)
        where = None if not named else data if _is_name(data) else _absolute(data)
        return Origin(where, _absolute(told) if told and Path(told).suffix else told, dict(options or {}), all_items)

    def open(self) -> Source:
        """The data again. Raises `Problem` when it was not named, or is no longer there."""
        if self.data is None:
            raise Problem("this run was learned from an object in Python; give the data again: al.learn(data, out=..., resume=True)")
        return open_source(self.data, self.labels, **self.options)


def _is_name(data: Any) -> bool:
    """Whether this names a built-in source, even where a folder has the same name."""
    return os.fspath(data).partition(":")[0].lower() in BUILT_IN


def _absolute(name: Any) -> str:
    path = Path(name).expanduser()
    return str(path.resolve()) if path.exists() else os.fspath(name)


@dataclass(frozen=True)
class Run:
    """A run's folder."""

    path: Path

    @staticmethod
    def open(path: Path | str) -> "Run":
        """An existing run. Raises `Problem` when the folder is none."""
        run = Run(Path(path))
        if not (run.path / "run.json").is_file():
            raise Problem(f"{path} is not a run: there is no run.json in it. Make one with: allegory learn DATA --out {path}")
        return run

    @staticmethod
    def begin(path: Path | str, resume: bool = False, overwrite: bool = False) -> "Run":
        """A folder to learn into. An existing run is refused unless it is to be resumed or overwritten; anything else always is.

        With `resume` a folder that is empty, or not there, is begun. What a killed writer left half-written is removed.
        """
        run = Run(Path(path))
        if resume and overwrite:
            raise Misuse("expected one of --resume and --overwrite, got both")
        if not run._holds():
            return run
        if not run.is_run:
            raise Misuse(f"{path} holds something else than a run ({', '.join(run._holds()[:3])}); choose another --out")
        if not (resume or overwrite):
            raise Misuse(f"{path} exists already. Go on with --resume, replace it with --overwrite, or choose another --out")
        try:
            run._sweep(everything=overwrite)
        except OSError as e:
            raise Problem(f"cannot write to {path}: {e.strerror}; choose another --out") from e
        return run

    @property
    def is_run(self) -> bool:
        """Whether somebody began to learn here."""
        return any((self.path / name).is_file() for name in ("run.json", "config.yaml"))

    def _holds(self) -> list[str]:
        """The names in the folder, without leftovers. Raises `Misuse` for what cannot be a folder."""
        try:
            return sorted(p.name for p in self.path.iterdir() if not LEFTOVER.fullmatch(p.name))
        except FileNotFoundError:
            return []
        except NotADirectoryError as e:
            raise Misuse(f"{self.path} is a file, or lies in one; choose a folder for --out") from e
        except OSError as e:
            raise Problem(f"cannot read {self.path}: {e.strerror}; choose another --out") from e

    def _sweep(self, everything: bool) -> None:
        """Removes leftovers, or all that we wrote, and nothing else."""
        for target in sorted(self.path.iterdir()):
            ours = target.name in OURS or (SEED.fullmatch(target.name) and Run(target).is_run)
            if LEFTOVER.fullmatch(target.name) or (everything and ours):
                if target.is_dir() and not target.is_symlink():
                    shutil.rmtree(target)
                else:
                    target.unlink(missing_ok=True)
        checkpoints.prune(self.checkpoints)

    def absent(self) -> list[Path]:
        """This folder and those above it that do not exist, or this one alone if it is there; innermost first."""
        return [p for p in (self.path, *self.path.parents) if not p.exists()] or [self.path]

    def discard(self, folders: Sequence[Path]) -> None:
        """Removes what we wrote, and those of `folders` that are empty then."""
        self._sweep(everything=True)
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()

    @property
    def seeds(self) -> list["Run"]:
        """The runs of a study of several training seeds (`--seeds`), by seed; a plain run has none."""
        found = [Run(p) for p in self.path.glob("seed-*") if SEED.fullmatch(p.name)]
        return sorted((r for r in found if r.is_run), key=lambda r: int(r.path.name.removeprefix("seed-")))

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def facts(self) -> dict[str, Any]:
        """run.json."""
        return dict(files.read_json(self.path / "run.json"))

    @property
    def config(self) -> dict[str, Any]:
        """config.yaml."""
        return read_config(self.path / "config.yaml")

    @property
    def scores(self) -> list[dict[str, Any]]:
        """scores.json; empty before the run was evaluated."""
        path = self.path / "scores.json"
        return list(files.read_json(path)) if path.exists() else []

    @property
    def answers(self) -> Scores:
        """scores.json and details.json, read back."""
        details = self.path / "details.json"
        return Scores.read(self.scores, files.read_json(details) if details.exists() else None)

    @property
    def told(self) -> dict[str, Any]:
        """What a comparison reads: name, method, all settings but the seed, scores, and facts. Of a study of seeds: those of the first."""
        config, facts = (self if self.started else self.seeds[0]).config, self.facts
        data = facts.get("data") or {}
        own, training = config["method"], {k: v for k, v in config["training"].items() if k not in ("seed", "device", "log_every")}
        known = {"data": data.get("name"), "fingerprint": data.get("fingerprint"), "items": (data.get("parts") or {}).get("train")}
        return {
            "name": self.path.name, "method": own[plain.KIND], "settings": {**training, **own}, "scores": self.scores,
            "facts": {**facts, **known},
        }  # fmt: skip

    @property
    def features(self) -> Path:
        """Where codes and the supervised ceiling are kept between questions."""
        return self.path / "features"

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """metrics.jsonl."""
        path = self.path / "metrics.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @cached_property
    def representation(self) -> Representation:
        """model/."""
        return Representation.load(self.path / "model")

    @property
    def started(self) -> bool:
        """Whether it is written down what is learned here, and how."""
        return (self.path / "config.yaml").is_file()

    @property
    def learned(self) -> bool:
        """Whether the model is there."""
        return (self.path / "model" / "manifest.json").exists()

    @property
    def judged(self) -> bool:
        """Whether the questions were asked, and all that comes of them is written."""
        return all((self.path / name).exists() for name in ("scores.json", "report.html", "README.md"))

    def write_facts(self, **facts: Any) -> None:
        """Adds to run.json."""
        known = self.facts if (self.path / "run.json").exists() else {"format": FORMAT}
        files.write_json(self.path / "run.json", known | facts)

    def write_config(self, origin: Origin, method: Method[Any], settings: Settings, plan: Plan | None = None, seeds: int = 1) -> None:
        """config.yaml, with all that is resolved so far."""
        said = settings if plan is None else as_said(settings, plan)
        whole = {"format": FORMAT, "data": plain.plain(origin), "method": plain.plain(method), "training": plain.plain(said)}
        whole |= {"seeds": seeds} if seeds > 1 else {}
        files.atomic_write(self.path / "config.yaml", yaml.safe_dump(whole, sort_keys=False, allow_unicode=True))


def as_said(settings: Settings, plan: Plan) -> Settings:
    """Settings that say everything the plan resolved, so that they resolve to it again."""
    resolved = {name: getattr(plan, name) for name in ("seed", "steps", "batch", "micro", "precision", "compile", "log_every")}
    return dataclasses.replace(settings, **resolved, optim=Optim(), optims=plan.optims, epochs=None, budget=None, logical_batch=None)


def read_config(path: Path | str) -> dict[str, Any]:
    """A config.yaml as plain values. Raises `Problem` for what is not one."""
    try:
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as e:
        raise Problem(f"cannot read {path}: {str(e).splitlines()[0]}") from e
    keys = {"format", "data", "method", "training"}
    if not isinstance(config, dict) or config.get("format") != FORMAT or not keys <= set(config) <= keys | {"seeds"}:
        raise Problem(f"{path} is not a configuration of format {FORMAT}: expected the keys format, data, method and training")
    return config


def read_origin(config: Mapping[str, Any]) -> Origin:
    """The `Origin` in a configuration."""
    origin = plain.restore(config["data"], {"Origin": Origin}, Origin, "data")
    assert isinstance(origin, Origin)
    return origin


def read_settings(config: Mapping[str, Any]) -> Settings:
    """The `Settings` in a configuration."""
    settings = plain.restore(config["training"], {"Settings": Settings, "Optim": Optim}, Settings, "training")
    assert isinstance(settings, Settings)
    return settings


def data_facts(source: Source) -> dict[str, Any]:
    """What run.json says of the data: fingerprint and counts, in = used + skipped, with reasons."""
    skipped = [{"id": s.id, "reason": s.reason} for s in source.skipped]
    counts = {"in": len(source) + len(skipped), "used": len(source), "skipped": len(skipped)}
    parts = {p: len(source.part(p)) for p in PARTS}
    return {"name": source.name, "fingerprint": source.fingerprint, "counts": counts, "parts": parts, "skipped": skipped[:1000]}


def surroundings() -> dict[str, Any]:
    """Versions and hardware."""
    import torch

    packages = {name: version(name) for name in ("torch", "numpy", "scikit-learn")}
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    hardware = {"machine": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads(), "gpu": gpu}
    return {"versions": {"allegory": version("allegory"), "python": platform.python_version(), **packages}, "hardware": hardware}


@dataclass(eq=False)
class Recorder:
    """A listener that keeps a run's checkpoints and metrics: metrics are never behind the checkpoint, and are cut back to it on resume.

    `seconds` lie between two checkpoints; the newest `keep` stay.
    """

    run: Run
    watch: Watch
    seconds: float = 10.0
    keep: int = 2
    loud: bool = False
    learner: Learner | None = None
    lines: list[str] = field(default_factory=list)
    spent: float = 0.0
    begun: float = field(default_factory=time.perf_counter)

    def begin(self, learner: Learner) -> None:
        """Takes up the newest whole checkpoint, if there is one, and cuts the metrics back to it."""
        self.learner = learner
        self.due = every(self.seconds)
        if self.seconds:
            self.due()
        path = checkpoints.latest(self.run.checkpoints)
        if path is None:
            return
        tensors, facts = checkpoints.load(path)
        if facts["fingerprint"] != learner.items.source.fingerprint:
            raise Problem(f"{self.run.path} was learned on other data ({facts['fingerprint']}); resume it with the same data")
        checkpoints.restore(tensors, {"net": learner.net}, learner.optimisers)
        learner.step = int(facts["step"])
        self.spent = float(facts["seconds"])
        self.lines = [line for line in _lines(self.run.path / "metrics.jsonl") if json.loads(line)["step"] <= learner.step]
        if self.loud:
            sys.stderr.write(f"resumed after step {learner.step} of {learner.plan.steps}\n")

    def __call__(self, learner: Learner, tick: Tick) -> None:
        last = tick.step == learner.plan.steps
        if tick.step % learner.plan.log_every == 0 or tick.step == 1 or last:
            self._log(tick)
        if self.due() or last:
            learner.guard.look()
            self.save()

    @property
    def elapsed(self) -> float:
        """Seconds of learning, those before a resume included."""
        return self.spent + time.perf_counter() - self.begun

    def _log(self, tick: Tick) -> None:
        terms = {name: float(f"{float(v):.6g}") for name, v in tick.terms.items()}
        health = {f"health/{name}": float(f"{v:.6g}") for name, v in self.watch.last.items()}
        self.lines.append(json.dumps({"step": tick.step, "seconds": round(self.elapsed, 3), **terms, **health}))

    def save(self, path: Path | None = None) -> None:
        """Metrics, then a checkpoint (at its own place, or at `path`), then old checkpoints away."""
        learner = self.learner
        if learner is None:
            return  # stopped before the first step: there is nothing to keep
        files.atomic_write(self.run.path / "metrics.jsonl", "".join(line + "\n" for line in self.lines))
        facts = {"step": learner.step, "fingerprint": learner.items.source.fingerprint, "seconds": self.elapsed}
        tensors = checkpoints.state({"net": learner.net}, learner.optimisers)
        checkpoints.save(path or checkpoints.at(self.run.checkpoints, learner.step), tensors, facts)
        checkpoints.prune(self.run.checkpoints, self.keep)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
