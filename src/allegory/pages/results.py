"""Scores as the pages read them: one row each, and the board of few-label columns with the controls below the method."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allegory.core import Problem

CONTROLS = ("raw input", "pca", "hand-made", "untrained", "supervised")
CEILING = "supervised"
GAIN = "gain in "
RELATIONS = "relations"
WHO = {
    "raw input": "raw input",
    "pca": "PCA of the same size",
    "hand-made": "features made by hand",
    "untrained": "untrained network",
    "supervised": "supervised ceiling",
    "noise": "codes that know nothing",
    "truth": "the true factors",
}


@dataclass(frozen=True)
class Result:
    """One row of scores.json. `control` is None for the method itself; `low`, `high` bound the 95 % interval, None without one."""

    question: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    seeds: int = 1
    split: str = "test"
    control: str | None = None
    protocol: str = ""


def results(scores: Iterable[Any]) -> tuple[Result, ...]:
    """Rows from `Score` objects or from the dictionaries of scores.json; a row without a value is left out."""
    return tuple(_result(s) for s in scores if (value := _get(s, "value")) is not None and value == value)


def _get(score: Any, name: str) -> Any:
    return score.get(name) if isinstance(score, Mapping) else getattr(score, name, None)


def _result(score: Any) -> Result:
    found = {name: _get(score, name) for name in Result.__dataclass_fields__}
    try:
        seeds = found["seeds"]
        return Result(
            question=str(found["question"]), metric=str(found["metric"]), value=float(found["value"]),
            low=_number(found["low"]), high=_number(found["high"]), n=None if found["n"] is None else int(found["n"]),
            seeds=len(seeds) if isinstance(seeds, (list, tuple)) else int(seeds or 1), split=str(found["split"] or "test"),
            control=None if found["control"] is None else str(found["control"]), protocol=str(found["protocol"] or ""),
        )  # fmt: skip
    except (TypeError, ValueError) as e:
        raise Problem(
            f"a score cannot be read: {e}; expected question, metric, value, low, high, n, seeds, split, control, protocol"
        ) from e


def _number(x: Any) -> float | None:
    return None if x is None else float(x)


@dataclass(frozen=True)
class Line:
    """A row of a board: who, and one result (or None) a column."""

    who: str
    control: str | None
    cells: tuple[Result | None, ...]


@dataclass(frozen=True)
class Board:
    """Columns "1", "2", "4", "8", "all", "kNN" (those that were measured), or "relations"; the method's line first, then its controls."""

    metric: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    def __bool__(self) -> bool:
        return bool(self.lines)

    def cell(self, control: str | None, column: str) -> Result | None:
        """The method's result (None) or a control's in a column."""
        line = next((line for line in self.lines if line.control == control), None)
        return line.cells[self.columns.index(column)] if line and column in self.columns else None


def board(rows: Sequence[Result], method: str, metric: str = "accuracy") -> Board:
    """The board of one metric, for one method's results."""
    cells: dict[tuple[str | None, str], Result] = {}
    for r in rows:
        if (column := _column(r, metric)) is not None:
            cells.setdefault((r.control, column), r)
    columns = tuple(sorted({column for _, column in cells}, key=place))
    lines = [
        Line(method if who is None else WHO.get(who, who), who, tuple(cells.get((who, c)) for c in columns))
        for who in (None, *_controls(rows)) if any((who, c) in cells for c in columns)
    ]  # fmt: skip
    return Board(metric, columns, tuple(lines))


def _column(r: Result, metric: str) -> str | None:
    if r.question == "few_labels" and r.metric.startswith(f"{metric}@"):
        return r.metric.removeprefix(f"{metric}@")
    return {"linear_probe": "all", "knn": "kNN", "relations": RELATIONS}.get(r.question) if r.metric == metric else None


def place(column: str) -> tuple[int, str]:
    """The order of columns: labels a class, all labels, neighbours."""
    return (int(column), "") if column.isdigit() else (10**9 if column == "all" else 10**9 + 1, column)


def _controls(rows: Sequence[Result]) -> list[str]:
    found = dict.fromkeys(r.control for r in rows if r.control is not None)
    return [c for c in CONTROLS if c in found] + [c for c in found if c not in CONTROLS]


@dataclass(frozen=True)
class Measure:
    """A measure beside the boards: what, and the results by control (None is the method)."""

    question: str
    metric: str
    by: dict[str | None, Result]


def others(rows: Sequence[Result], boards: Sequence[Board]) -> list[Measure]:
    """What the boards do not show: effective rank, alignment, disentanglement ...; gains have a board of their own."""
    shown = {id(cell) for b in boards for line in b.lines for cell in line.cells if cell}
    found: dict[tuple[str, str], dict[str | None, Result]] = {}
    for r in rows:
        if id(r) not in shown and not r.metric.startswith(GAIN):
            found.setdefault((r.question, r.metric), {})[r.control] = r
    return [Measure(q, m, by) for (q, m), by in found.items()]
