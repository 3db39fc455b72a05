"""Scores as the pages read them: one row each, and the board of few-label columns with the controls below the method."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allegory.core import Problem

CONTROLS = ("raw input", "pca", "untrained", "supervised")
CEILING = "supervised"
WHO = {
    "raw input": "raw input",
    "pca": "PCA of the same size",
    "untrained": "untrained network",
    "supervised": "supervised ceiling",
}
FEW = ("1", "2", "4", "8")


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
    return tuple(_result(s) for s in scores if _get(s, "value") is not None)


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
    """Columns "1", "2", "4", "8", "all", "kNN" (those that were measured), the method's line first, then its controls."""

    metric: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    def __bool__(self) -> bool:
        return bool(self.lines)

    def line(self, control: str | None) -> Line | None:
        """The method's line (None) or a control's."""
        return next((line for line in self.lines if line.control == control), None)


def board(rows: Sequence[Result], method: str, metric: str = "accuracy") -> Board:
    """The board of one metric, for one method's results."""
    wanted = [(k, lambda r, k=k: r.metric == f"{metric}@{k}") for k in _few(rows, metric)]
    wanted += [
        ("all", lambda r: r.question == "linear_probe" and r.metric == metric),
        ("kNN", lambda r: r.question == "knn" and r.metric == metric),
    ]
    columns = [(name, test) for name, test in wanted if any(test(r) for r in rows)]
    lines = []
    for control in (None, *_controls(rows)):
        cells = tuple(next((r for r in rows if r.control == control and test(r)), None) for _, test in columns)
        if any(cells):
            lines.append(Line(method if control is None else WHO.get(control, control), control, cells))
    return Board(metric, tuple(name for name, _ in columns), tuple(lines))


def _few(rows: Sequence[Result], metric: str) -> list[str]:
    counts = {r.metric.split("@")[1] for r in rows if r.metric.startswith(f"{metric}@")}
    return sorted(counts, key=lambda k: (int(k) if k.isdigit() else 10**9, k))


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
    """What the boards do not show: effective rank, alignment, disentanglement ..."""
    shown = {id(cell) for b in boards for line in b.lines for cell in line.cells if cell}
    found: dict[tuple[str, str], dict[str | None, Result]] = {}
    for r in rows:
        if id(r) not in shown:
            found.setdefault((r.question, r.metric), {})[r.control] = r
    return [Measure(q, m, by) for (q, m), by in found.items()]
