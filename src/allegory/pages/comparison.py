"""Several runs on one page or in one file: a table of any metrics, the best in bold, ranks, and what stands against comparing them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup

from allegory.core import Misuse
from allegory.pages import figures, ranked, render, tabled
from allegory.pages.grouping import Told, data_of
from allegory.pages.numbers import is_share, number, seconds, value
from allegory.pages.results import CEILING, Board, Line
from allegory.pages.standings import USUAL, Standings, named, standings
from allegory.pages.words import when

MARKS = ("circle", "square", "diamond", "triangle")
PLOTTED = 12
KINDS = (".html", ".csv", ".md", ".tex")
By = Literal["run", "method"]


def table_of(runs: Sequence[Told], metrics: Sequence[str] = (), by: By = "run") -> Standings:
    """The table of runs, each a dict of name, method, settings, scores (as for `report`) and facts. Raises `Misuse` without a run."""
    if not runs:
        raise Misuse("there is nothing to compare; name at least one run")
    table = standings(runs, metrics, by)
    trained = {data_of(run) for run in runs if data_of(run)}
    asked = {c.protocol for c in table.columns}
    apart = len(trained) > 1 and by == "run" and len(asked) < len(trained) * len({(c.question, c.metric) for c in table.columns})
    return replace(table, warnings=(*table.warnings, *(["These runs did not learn from the same data."] if apart else [])))


def compare(runs: Sequence[Told], title: str = "Comparison", metrics: Sequence[str] = (), by: By = "run") -> str:
    """The page."""
    return page(runs, table_of(runs, metrics, by), title)


def write(path: str, runs: Sequence[Told], table: Standings, title: str = "Comparison") -> str:
    """The content of a file by its ending: .html, .csv, .md or .tex. Raises `Misuse` for another."""
    kind = Path(path).suffix.lower()
    if kind == ".html":
        return page(runs, table, title)
    forms = {".csv": tabled.as_csv, ".md": tabled.as_markdown, ".tex": tabled.as_latex}
    if kind not in forms:
        raise Misuse(f"expected a file that ends in {', '.join(KINDS)}, got {path!r}")
    return forms[kind](table)


def page(runs: Sequence[Told], table: Standings, title: str = "Comparison") -> str:
    """One self-contained page."""
    facts = [_facts(name, run) for name, (run,) in named(runs).items()]
    return render.page(
        "compare.html", title=title, table=table, heads=tabled.heads(table), plot=_plot(table), ranks=ranked.diagram(table),
        warnings=table.warnings, notes=tabled.notes_of(replace(table, warnings=())), winner=winner(table), facts=facts,
    )  # fmt: skip


def winner(table: Standings) -> str:
    """The best line of the first column in words, and whether the second is told apart from it."""
    first = table.columns[0] if table.columns else None
    found = [(i, line.who, line.cells[0]) for i, line in enumerate(table.board.lines) if line.control is None and line.cells]
    lines = [(i, who, cell.value) for i, who, cell in found if cell is not None]
    apart = first is not None and any((c.question, c.metric) == (first.question, first.metric) for c in table.columns[1:])
    if first is None or apart or not first.better or len(lines) < 2:
        return ""
    (_, best, top), (i, second, next_) = sorted(lines, key=lambda line: -first.better * line[2])[:2]
    few = first.metric.startswith("accuracy@") and first.question == "few_labels"
    where = when(first.metric.removeprefix("accuracy@")) if few else f"By {first.name}"
    lead = f"{where}, {best} is ahead with {_figure(top, first.metric)}"
    if (i, 0) not in table.best:
        return f"{lead}; {second} follows with {_figure(next_, first.metric)} and is told apart from it."
    return f"{lead}, but it is not told apart from {second} at {_figure(next_, first.metric)}."


def _figure(v: float, metric: str) -> str:
    return f"{value(v, metric)}{' %' if is_share(metric) else ''}"


def _facts(name: str, run: Told) -> tuple[str, ...]:
    """A run in words: name, method, items, time, seed."""
    facts: Mapping[str, Any] = run.get("facts") or {}
    return name, str(run["method"]), number(facts.get("items")), seconds(facts.get("seconds")), str(facts.get("seed", "–"))


def _plot(table: Standings) -> Markup | None:
    """The few-label plot of the usual columns, coloured and marked by run, and the best control of each column, dashed; None for other
    columns, or where one has several protocols."""
    pairs = [(c.question, c.metric) for c in table.columns]
    if not table or any(pair not in USUAL for pair in pairs) or len(set(pairs)) < len(pairs):
        return None
    shown = {"linear_probe": "all", "knn": "kNN"}
    columns = tuple(shown.get(question, metric.removeprefix("accuracy@")) for question, metric in pairs)
    board = Board("accuracy", columns, table.board.lines)
    own = [line for line in board.lines if line.control is None][:PLOTTED]
    rivals = [line for line in board.lines if line.control not in (None, CEILING)]
    by_column = zip(*(line.cells for line in rivals), strict=True)
    best = tuple(max((c for c in cells if c), key=lambda c: c.value, default=None) for cells in by_column)
    styled = [(line, (f"k{i}", MARKS[i % len(MARKS)])) for i, line in enumerate(own)]
    return figures.lines(board, [*styled, (Line("best control", "control", best), ("ceiling", "ring"))] if rivals else styled)
