"""Claims, measured: learn with the claim's recipe over its seeds, ask its question, and write one row."""

import dataclasses
import datetime
import functools
import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

import allegory
from allegory import api
from allegory.cli.job import over
from allegory.cli.told import Optimiser, Training, What
from allegory.core import Claim, Method, Problem, files, key, plain
from allegory.data import Source
from allegory.data.open import BUILT_IN, PREFIXES
from allegory.questions import CEILINGS, Scores
from allegory.representation import Representation
from allegory.train import Settings
from allegory.train.fit import peak_memory

Row = dict[str, Any]
SAME = ("method", "data", "question", "metric", "seeds", "recipe")


def place() -> Row:
    """Where and by what it is measured."""
    cpu = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "commit": _commit(), "allegory": allegory.__version__, "torch": torch.__version__, "python": platform.python_version(),
        "machine": {"cpu": cpu, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "gpu": gpu},
    }  # fmt: skip


def measure(cls: type[Method[Any]], claim: Claim, here: Row, data_root: str | None = None) -> Row:
    """One row: the claim, what was reached, the best control beside it, and what it took. Claims of one recipe share their training."""
    reps, source, seconds, peak = _learned(cls, claim.data, json.dumps(plain.plain(claim.recipe), sort_keys=True), claim.seeds, data_root)
    scores = _asked(claim.question, reps, source)
    of_claim = [s for s in scores if (s.question, s.metric) == (claim.question, claim.metric)]
    score = next((s for s in of_claim if s.control is None), None)
    if score is None:
        asked = ", ".join(sorted({s.metric for s in scores if s.control is None}))
        raise Problem(f"{cls.__name__} claims {claim.metric} of {claim.question} on {claim.data}, which was not measured; it gave {asked}")
    itself = key(cls.__name__)  # PCA is no rival of PCA
    rivals = [s for s in of_claim if s.control is not None and s.control not in CEILINGS and key(s.control).replace(" ", "") != itself]
    best = max(rivals, key=lambda s: s.value, default=None)
    control = best and {"name": best.control, "value": best.value, "low": best.low, "high": best.high}
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "method": cls.__name__, "data": claim.data,
        "question": claim.question, "metric": claim.metric, "value": score.value, "low": score.low, "high": score.high,
        "at_least": claim.at_least, "best_control": control,
        "seeds": claim.seeds, "recipe": plain.plain(claim.recipe), "seconds": seconds, "peak_memory_bytes": peak, **here,
    }  # fmt: skip


@functools.lru_cache(maxsize=2)
def _learned(
    cls: type[Method[Any]], data: str, recipe: str, seeds: int, data_root: str | None
) -> tuple[tuple[Representation, ...], Source, float, int]:
    """The representations of a recipe, one a training seed, the data, the seconds of learning, and the peak memory in bytes."""
    method, settings, what = told(cls, json.loads(recipe))
    source = api.load(_where(data, data_root), what.labels)
    begun = time.perf_counter()
    reps = [api.learn(source, method, settings=dataclasses.replace(settings, seed=seed), all_items=what.all) for seed in range(seeds)]
    seconds = round(time.perf_counter() - begun, 1)
    return tuple(reps), source, seconds, peak_memory("cuda" if torch.cuda.is_available() else "cpu")


@functools.lru_cache(maxsize=4)
def _asked(question: str, reps: tuple[Representation, ...], source: Source) -> Scores:
    """The answers to one question; claims of several metrics of it share them."""
    return api.evaluate(list(reps) if len(reps) > 1 else reps[0], source, names=[question])


def told(cls: type[Method[Any]], recipe: Any) -> tuple[Method[Any], Settings, What]:
    """A recipe as learn's flags would be read: the method's fields, and the flags of training and of the data."""
    own = {f.name for f in dataclasses.fields(cls)}
    rest = {k: v for k, v in recipe.items() if k not in own}
    known = {kind: {k: v for k, v in rest.items() if k in kind.__dataclass_fields__} for kind in (Training, Optimiser, What)}
    unknown = set(rest) - {k for said in known.values() for k in said}
    if unknown:
        raise Problem(f"{cls.__name__} claims with {', '.join(sorted(unknown))}, which is no setting of it and none of learn's")
    method = cls(**{k: v for k, v in recipe.items() if k in own})
    return method, over(Settings(), Training(**known[Training]), Optimiser(**known[Optimiser])), What(**known[What])


def measured(rows: list[Row], cls: type[Method[Any]], claim: Claim, here: Row, recorded: bool = False) -> Row | None:
    """The last row of this claim by this commit, or, with `recorded`, by any; None when it has to be measured. A tree with changes is
    always measured, but for `recorded`."""
    wanted = (cls.__name__, claim.data, claim.question, claim.metric, claim.seeds, plain.plain(claim.recipe))
    if not recorded and (here["commit"] is None or here["commit"].endswith("+")):
        return None
    commits = {row.get("commit") for row in rows} if recorded else {here["commit"]}
    found = [row for row in rows if tuple(row.get(name) for name in SAME) == wanted and row.get("commit") in commits]
    return {**found[-1], "at_least": claim.at_least} if found else None


def line(row: Row) -> str:
    """A row in words."""
    mark = "ok  " if row["value"] >= row["at_least"] else "FAIL"
    bounds = "" if row["low"] is None else f" ({row['low']:.3f} to {row['high']:.3f})"
    what = f"{row['method']} on {row['data']}, {row['question']} {row['metric']}"
    took = f"{row['seeds']} seeds, {row['seconds']:.0f} s, {row['commit']}"
    return f"{mark} {what}: {row['value']:.3f}{bounds}, claimed at least {row['at_least']}; {took}"


def read(path: Path) -> list[Row]:
    """The rows of a ledger; an absent one is empty. Raises `Problem` for what is not a ledger."""
    try:
        return [json.loads(text) for text in _lines(path) if text.strip()]
    except ValueError as e:
        raise Problem(f"{path} is not a ledger, one JSON object a line: {e}") from e


def append(path: Path, row: Row) -> None:
    """One more line: read, add, write whole."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    gap = "" if not before or before.endswith("\n") else "\n"
    files.atomic_write(path, f"{before}{gap}{json.dumps(files.finite(row), ensure_ascii=False)}\n")


def _where(data: str, root: str | None) -> str:
    """A claim's data: a built-in name, or a path below the data root, whose kind may stand before it."""
    if root is None or data.partition(":")[0] in BUILT_IN:
        return data
    kind, _, rest = data.partition(":")
    return f"{kind}:{Path(root) / rest}" if kind in PREFIXES else str(Path(root) / data)


def _lines(path: Path | str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def _commit() -> str | None:
    """The commit of this source tree, with "+" when it has changes; None outside of one."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(here), *arguments], capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no", "--", "..") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
