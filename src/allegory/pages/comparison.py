"""Several runs on one page: the same table and plot for all of them, and a warning where their protocols differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from allegory.core import Misuse
from allegory.pages import figures, render
from allegory.pages.numbers import number, seconds
from allegory.pages.results import CEILING, CONTROLS, Board, Line, board, place, results
from allegory.pages.words import compared, when

MARKS = ("circle", "square", "diamond", "triangle")
PLOTTED = 12


@dataclass(frozen=True)
class Run:
    """A run to compare: its name, its method, its board, the protocols of its scores, and its facts."""

    name: str
    method: str
    board: Board
    protocols: tuple[str, ...]
    facts: Mapping[str, Any]


def runs_of(runs: Sequence[Mapping[str, Any]], metric: str = "accuracy") -> list[Run]:
    """Runs from dictionaries with name, method, scores and facts; a name used twice gets a number."""
    if not runs:
        raise Misuse("there is nothing to compare; name at least one run")
    found, seen = [], dict[str, int]()
    for run in runs:
        rows, name = results(run["scores"]), str(run["name"])
        seen[name] = seen.get(name, 0) + 1
        name = name if seen[name] == 1 else f"{name} ({seen[name]})"
        protocols = tuple(sorted({r.protocol for r in rows if r.protocol}))
        found.append(Run(name, str(run["method"]), board(rows, name, metric), protocols, run.get("facts") or {}))
    return found


def merged(runs: Sequence[Run]) -> Board:
    """One board: every run's own line, then the controls. Controls of the same name and the same figures are one line."""
    columns = sorted({c for run in runs for c in run.board.columns}, key=place)
    own, controls = [], dict[Any, tuple[Line, list[str]]]()
    for run in runs:
        for line in run.board.lines:
            cells = tuple(dict(zip(run.board.columns, line.cells, strict=True)).get(c) for c in columns)
            if line.control is None:
                own.append(Line(run.name, None, cells))
            else:
                figure = tuple(c and (round(c.value, 4), c.protocol) for c in cells)
                controls.setdefault((line.control, figure), (Line(line.who, line.control, cells), []))[1].append(run.name)
    kinds = [control for control, _ in controls]
    shared = [_named(line, names) if kinds.count(line.control) > 1 else line for line, names in controls.values()]
    shared.sort(key=lambda line: CONTROLS.index(line.control) if line.control in CONTROLS else len(CONTROLS))
    return Board(runs[0].board.metric, tuple(columns), (*own, *shared))


def _named(line: Line, names: Sequence[str]) -> Line:
    """A control that differs from run to run says whose it is."""
    return replace(line, who=f"{line.who} ({names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''})")


def warnings(runs: Sequence[Run]) -> list[str]:
    """What stands against comparing these runs."""
    said = []
    if len({r.protocols for r in runs if r.protocols}) > 1:
        names = "; ".join(f"{r.name}: {', '.join(r.protocols) or 'unknown'}" for r in runs)
        said.append(f"These runs were not measured by the same protocol, so their figures cannot be compared ({names}).")
    data = {str(r.facts.get("fingerprint") or r.facts.get("data")) for r in runs if r.facts.get("fingerprint") or r.facts.get("data")}
    if len(data) > 1:
        said.append("These runs did not learn from the same data.")
    unmeasured = [r.name for r in runs if not r.board]
    if unmeasured:
        said.append(f"Not measured: {', '.join(unmeasured)}.")
    return said


def winner(runs: Sequence[Run], table: Board) -> str:
    """The best run of the first column in words, and whether the second is told apart from it."""
    lines = [line for line in table.lines if line.control is None and line.cells and line.cells[0] is not None]
    if len(lines) < 2 or len({r.protocols for r in runs}) > 1:
        return ""
    ranked = sorted(lines, key=lambda line: -line.cells[0].value)  # type: ignore[union-attr]
    best, second = (line.cells[0] for line in ranked[:2])
    assert best is not None and second is not None
    lead = f"{when(table.columns[0])}, {ranked[0].who} is ahead with {100 * best.value:.1f} %"
    if compared(best, second) == "better":
        return f"{lead}; {ranked[1].who} follows with {100 * second.value:.1f} %, and the intervals lie apart."
    return f"{lead}, but it is not told apart from {ranked[1].who} at {100 * second.value:.1f} %: the intervals overlap."


def compare(runs: Sequence[Mapping[str, Any]], title: str = "Comparison") -> str:
    """One page for several runs, each a dict of name, method, scores (as for `report`) and facts."""
    found = runs_of(runs)
    table = merged(found)
    if not table:
        found = runs_of(runs, "balanced_accuracy")
        table = merged(found)
    return render.page(
        "compare.html", title=title, table=table, plot=_plot(table), warnings=warnings(found), winner=winner(found, table),
        facts=[_facts(run) for run in found],
    )  # fmt: skip


def _facts(run: Run) -> tuple[str, ...]:
    """A run in words: name, method, items, time, seed."""
    return run.name, run.method, number(run.facts.get("items")), seconds(run.facts.get("seconds")), str(run.facts.get("seed", "–"))


def _plot(table: Board) -> Markup | None:
    """The few-label plot of the runs, coloured and marked by run, and of the best control of each column, dashed."""
    own = [line for line in table.lines if line.control is None][:PLOTTED]
    rivals = [line for line in table.lines if line.control not in (None, CEILING)]
    by_column = zip(*(line.cells for line in rivals), strict=True)
    best = tuple(max((c for c in cells if c), key=lambda c: c.value, default=None) for cells in by_column)
    styled = [(line, (f"k{i}", MARKS[i % len(MARKS)])) for i, line in enumerate(own)]
    return figures.lines(table, [*styled, (Line("best control", "control", best), ("ceiling", "ring"))] if rivals else styled)
