"""What a run leaves: a folder from which it can be read, judged, repeated and resumed. Every file is written whole or not at all.

config.yaml (every resolved setting), run.json (data, counts, versions, time, exit state), metrics.jsonl, checkpoints/, model/,
scores.json, report.html, README.md.
"""

import dataclasses
import json
import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from allegory.core import Method, Misuse, Optim, Problem, files, plain
from allegory.data import PARTS, Source
from allegory.representation import Representation
from allegory.train import Learner, Plan, Settings, Tick, checkpoints
from allegory.train.fit import every
from allegory.train.health import Watch

FORMAT = 1
OURS = ("config.yaml", "run.json", "metrics.jsonl", "scores.json", "report.html", "README.md", "model", "checkpoints")


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
        """A folder to learn into. An existing one is refused unless it is to be resumed or overwritten (and is a run, or empty)."""
        run = Run(Path(path))
        if resume and overwrite:
            raise Misuse("expected one of --resume and --overwrite, got both")
        if run.path.exists() and not run.path.is_dir():
            raise Misuse(f"{path} is a file; choose a folder for --out")
        held = sorted(p.name for p in run.path.iterdir()) if run.path.is_dir() else []
        is_run = any(name in held for name in ("run.json", "config.yaml"))
        if resume and not is_run:
            raise Misuse(f"there is no run in {path} to resume; leave --resume out to begin one")
        if held and not (resume or overwrite):
            raise Misuse(f"{path} exists already. Go on with --resume, replace it with --overwrite, or choose another --out")
        if overwrite and held:
            if not is_run:
                raise Misuse(f"{path} holds something else than a run ({', '.join(held[:3])}); choose another --out")
            run._clear()
        return run

    def _clear(self) -> None:
        """Removes what we wrote, and nothing else."""
        for name in OURS:
            target = self.path / name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)

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
    def metrics(self) -> list[dict[str, Any]]:
        """metrics.jsonl."""
        path = self.path / "metrics.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @cached_property
    def representation(self) -> Representation:
        """model/."""
        return Representation.load(self.path / "model")

    @property
    def learned(self) -> bool:
        """Whether the model is there."""
        return (self.path / "model" / "manifest.json").exists()

    def write_facts(self, **facts: Any) -> None:
        """Adds to run.json."""
        known = self.facts if (self.path / "run.json").exists() else {"format": FORMAT}
        files.write_json(self.path / "run.json", known | facts)

    def write_config(self, data: Mapping[str, Any], method: Method[Any], settings: Settings, plan: Plan | None) -> None:
        """config.yaml, with all that was resolved."""
        said = settings if plan is None else as_said(settings, plan)
        whole = {"format": FORMAT, "data": dict(data), "method": plain.plain(method), "training": plain.plain(said)}
        files.atomic_write(self.path / "config.yaml", yaml.safe_dump(whole, sort_keys=False, allow_unicode=True))


def as_said(settings: Settings, plan: Plan) -> Settings:
    """Settings that say everything the plan resolved, so that they resolve to it again."""
    resolved = {name: getattr(plan, name) for name in ("seed", "steps", "batch", "micro", "precision", "compile", "log_every")}
    return dataclasses.replace(settings, **resolved, optim=Optim(), optims=plan.optims, epochs=None, budget=None)


def read_config(path: Path | str) -> dict[str, Any]:
    """A config.yaml as plain values. Raises `Problem` for what is not one."""
    try:
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise Problem(f"cannot read {path}: {str(e).splitlines()[0]}") from e
    if not isinstance(config, dict) or config.get("format") != FORMAT or not {"data", "method", "training"} <= set(config):
        raise Problem(f"{path} is not a configuration of format {FORMAT}: expected the keys format, data, method and training")
    return config


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
    """A listener that keeps a run's checkpoints and metrics; both are written together, so that they always agree."""

    run: Run
    watch: Watch
    seconds: float = 10.0
    keep: int = 2
    lines: list[str] = field(default_factory=list)
    spent: float = 0.0
    begun: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.due = every(self.seconds)
        self.due()

    def take_up(self, learner: Learner) -> bool:
        """Restores the newest whole checkpoint, if there is one, and cuts the metrics back to it."""
        path = checkpoints.latest(self.run.checkpoints)
        if path is None:
            return False
        tensors, facts = checkpoints.load(path)
        if facts["fingerprint"] != learner.items.source.fingerprint:
            raise Problem(f"{self.run.path} was learned on other data ({facts['fingerprint']}); resume it with the same data")
        checkpoints.restore(tensors, {"net": learner.net}, learner.optimisers)
        learner.step = int(facts["step"])
        self.spent = float(facts["seconds"])
        self.lines = [line for line in _lines(self.run.path / "metrics.jsonl") if json.loads(line)["step"] <= learner.step]
        return True

    def __call__(self, learner: Learner, tick: Tick) -> None:
        last = tick.step == learner.plan.steps
        if tick.step % learner.plan.log_every == 0 or tick.step == 1 or last:
            self._log(tick)
        if self.due() or last:
            self.save(learner)

    @property
    def elapsed(self) -> float:
        """Seconds of learning, those before a resume included."""
        return self.spent + time.perf_counter() - self.begun

    def _log(self, tick: Tick) -> None:
        terms = {name: float(f"{float(v):.6g}") for name, v in tick.terms.items()}
        health = {f"health/{name}": float(f"{v:.6g}") for name, v in self.watch.last.items()}
        self.lines.append(json.dumps({"step": tick.step, "seconds": round(self.elapsed, 3), **terms, **health}))

    def save(self, learner: Learner) -> None:
        """Metrics, then a checkpoint, then old checkpoints away."""
        files.atomic_write(self.run.path / "metrics.jsonl", "".join(line + "\n" for line in self.lines))
        facts = {"step": learner.step, "fingerprint": learner.items.source.fingerprint, "seconds": self.elapsed}
        tensors = checkpoints.state({"net": learner.net}, learner.optimisers)
        checkpoints.save(checkpoints.at(self.run.checkpoints, learner.step), tensors, facts)
        checkpoints.prune(self.run.checkpoints, self.keep)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
