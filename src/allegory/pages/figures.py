"""The report's plots: the few-label curve, and what training reported."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from allegory.pages import plots
from allegory.pages.numbers import number
from allegory.pages.results import Board, Line

STYLES = {
    None: ("own", "circle"), "raw input": ("raw", "square"), "pca": ("pca", "diamond"), "hand-made": ("handmade", "wedge"),
    "untrained": ("untrained", "triangle"), "supervised": ("ceiling", "ring"),
}  # fmt: skip
CURVE_POINTS = 240
NEAR_CHANCE = 20


def few_labels(board: Board, chance: float | None = None) -> Markup | None:
    """Accuracy against labels a class, the method and its controls, with 95 % intervals; None with fewer than two columns."""
    styled = [(line, STYLES.get(line.control, ("other", "circle"))) for line in board.lines]
    return lines(board, styled, chance)


def lines(board: Board, styled: Sequence[tuple[Line, tuple[str, str]]], chance: float | None = None) -> Markup | None:
    """Lines of a board, each with the CSS class that colours it and its mark; the first is drawn on top."""
    columns = [i for i, c in enumerate(board.columns) if c != "kNN"]
    series = [_series(line, columns, style, j - (len(styled) - 1) / 2) for j, (line, style) in enumerate(styled)]
    series = [s for s in series if s.points]
    if len(columns) < 2 or not series:
        return None
    values = [v for s in series for (_, v), bound in zip(s.points, s.bounds, strict=True) for v in (bound or (v,))]
    # The line of chance is drawn where it does not cost the others their room.
    rules = [(100 * chance, "chance")] if chance and min(values) - 100 * chance < NEAR_CHANCE else []
    low = max(0.0, 10 * math.floor((min([*values, *(level for level, _ in rules)]) - 2) / 10))
    y = plots.Axis(low, 100.0, tuple((t, f"{t:g}") for t in plots.ticks(low, 100, 6)))
    x = plots.Axis(-0.3, len(columns) - 0.7, tuple((k, board.columns[i]) for k, i in enumerate(columns)), "labels a class")
    words = "; ".join(_words(line, columns, board) for line, _ in styled)
    alt = f"{board.metric.replace('_', ' ')} in percent by labels a class: {words}"
    return plots.key(series) + plots.plot(series[::-1], x, y, alt, rules=rules)


def _series(line: Line, columns: Sequence[int], style: tuple[str, str], shift: float) -> plots.Series:
    cells = [(k, line.cells[i]) for k, i in enumerate(columns)]
    found = [(k, c) for k, c in cells if c is not None]
    bounds = tuple((100 * c.low, 100 * c.high) if c.low is not None and c.high is not None else None for _, c in found)
    # Shifted by a hair, so that intervals at one place do not hide each other.
    return plots.Series(line.who, style[0], tuple((k + 0.045 * shift, 100 * c.value) for k, c in found), bounds, style[1])


def _words(line: Line, columns: Sequence[int], board: Board) -> str:
    cells = [(board.columns[i], line.cells[i]) for i in columns]
    return f"{line.who} " + ", ".join(f"{100 * c.value:.0f} at {name}" for name, c in cells if c)


@dataclass(frozen=True)
class Curve:
    """One reported number over the steps: its drawing, and its last and extreme values as words."""

    name: str
    drawing: Markup
    last: str


def curves(metrics: Sequence[Mapping[str, Any]], prefix: str = "", without: str = "health/") -> list[Curve]:
    """A small plot for every name in metrics.jsonl that starts with `prefix` and not with `without`, in order; equal curves once."""
    names = dict.fromkeys(k for row in metrics for k, v in row.items() if k not in ("step", "seconds") and _finite(v))
    chosen = [n for n in names if n.startswith(prefix) and not (without and n.startswith(without))]
    # A loss of a single term is the same curve twice.
    once = {tuple((row.get("step"), row[n]) for row in metrics if n in row): n for n in reversed(chosen)}
    return [_curve(n, metrics, n.removeprefix(prefix).replace("_", " ")) for n in chosen if n in once.values()]


def _curve(name: str, metrics: Sequence[Mapping[str, Any]], shown: str) -> Curve:
    points = [(float(row.get("step", i)), float(row[name])) for i, row in enumerate(metrics) if _finite(row.get(name))]
    kept = thinned(points, CURVE_POINTS)
    frame = plots.Frame(300, 150, 52, 10, 8, 22)
    x = plots.axis([0.0, points[-1][0]], n=3, air=0.0)
    y = plots.axis([p[1] for p in points], n=3)
    alt = f"{shown} over {len(points)} logged steps: first {number(points[0][1])}, last {number(points[-1][1])}"
    mark = "circle" if len(kept) == 1 else ""
    drawing = plots.plot([plots.Series(shown, "own", tuple(kept), mark=mark)], x, y, alt, frame)
    return Curve(shown, drawing, number(points[-1][1]))


def _finite(v: Any) -> bool:
    return isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)


def thinned(points: Sequence[plots.Point], most: int) -> list[plots.Point]:
    """At most about `most` points: the lowest and the highest of every stretch, so that spikes stay."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(2 * len(points) / most)
    kept = []
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        kept += sorted({min(stretch, key=lambda p: p[1]), max(stretch, key=lambda p: p[1])})
    return kept
