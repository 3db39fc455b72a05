"""The trainings of a study with their scores, as numbers by name: "mig:mig", or a ratio "efficiency:lr_accuracy@100 / efficiency:..."."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from allegory.adapting.predictions import guarded
from allegory.pages.numbers import title
from allegory.pages.standings import better
from allegory.questions import Score
from allegory.runs import Run
from allegory.studies.grid import Cell, Grid
from allegory.studies.work import CELLS


@dataclass(frozen=True, eq=False)
class Training:
    """A cell that was learned and asked."""

    cell: Cell
    run: Run
    scores: dict[str, Score]

    def value(self, name: str) -> float:
        """A score or a ratio of two; NaN where it is not there."""
        over, _, under = (part.strip() for part in name.partition(" / "))
        found = self.scores[over].value if over in self.scores else math.nan
        if not under:
            return found
        below = self.scores[under].value if under in self.scores else math.nan
        return found / below if below else math.nan


@dataclass(frozen=True, eq=False)
class Population:
    """The trainings that are there; `failed` names the others."""

    grid: Grid
    trainings: tuple[Training, ...]
    failed: tuple[str, ...] = ()

    def values(self, name: str) -> Float[np.ndarray, " n"]:
        """(n,) a score of every training, NaN where it is missing."""
        return np.array([t.value(name) for t in self.trainings], dtype=float)

    def known(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that at least one training has."""
        return [name for name in names if np.isfinite(self.values(name)).any()]

    @property
    def groups(self) -> list[str]:
        """The setting of every training: data, method and settings, whatever the seed."""
        return [f"{t.cell.data} {t.cell.label}" for t in self.trainings]

    @property
    def families(self) -> list[str]:
        return [t.cell.family for t in self.trainings]

    @property
    def names(self) -> list[str]:
        """Every score that some training has, in the order of the questions."""
        return list(dict.fromkeys(name for t in self.trainings for name in t.scores))


def read(grid: Grid, folder: Path, failures: dict[str, str]) -> Population:
    """What the cells' folders hold."""
    found, failed = [], []
    for cell in grid.cells:
        run = Run(folder / CELLS / cell.name)
        if run.learned and (run.path / "scores.json").exists():
            found.append(Training(cell, run, {f"{s.question}:{s.metric}": s for s in run.answers if s.control is None}))
        else:
            failed.append(f"{cell.label}, seed {cell.seed}: {failures.get(cell.name, 'not done')}")
    return Population(grid, tuple(found), tuple(failed))


def sign(name: str) -> int:
    """1 where a high value of a score is good, -1 where a low one is, 0 where it depends."""
    question, _, metric = name.partition(" / ")[0].strip().partition(":")
    return better(question, metric)


def shown(name: str) -> str:
    """A score's name for people, with an arrow towards what is good: "MIG ↑", "covariate shift: drop (linear) ↓"."""
    over, _, under = (part.strip() for part in name.partition(" / "))
    words = _words(over) + (f" / {_words(under).rpartition(' ')[2]}" if under else "")
    return f"{words} {({1: '↑', -1: '↓'}).get(sign(name), '')}".strip()


def _words(name: str) -> str:
    question, _, metric = name.partition(":")
    bare, _, argument = metric.partition("@")
    words = title(question) if bare in ("accuracy", question) else f"{title(question)}: {title(bare)}"
    told = f" at {int(argument):,}" if argument.isdigit() else f" ({argument})" if argument else ""
    return words + told


def as_csv(population: Population) -> str:
    """A row a training: cell, data, method, settings, seed, then every score with the ends of its interval."""
    out, names = io.StringIO(), population.names
    writer = csv.writer(out, lineterminator="\n")
    heads = ["cell", "data", "method", "label", "seed", *(f"{name}{end}" for name in names for end in ("", " low", " high"))]
    writer.writerow([guarded(head) for head in heads])
    for t in population.trainings:
        own = [guarded(text) for text in (t.cell.name, t.cell.data, t.cell.family, t.cell.label)]
        writer.writerow([*own, t.cell.seed, *(number for name in names for number in _numbers(t.scores.get(name)))])
    return out.getvalue()


def _numbers(score: Score | None) -> Sequence[Any]:
    ends = (None, None, None) if score is None else (score.value, score.low, score.high)
    return ["" if v is None or not math.isfinite(v) else f"{v:.6g}" for v in ends]
