"""Several runs in one table of any metrics: which are best or not told apart from the best, and how they rank.

Only figures of one protocol stand in one column, so runs on other data, or asked in another way, have columns of their own.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from allegory.core import nearest
from allegory.pages.grouping import Told, by_method
from allegory.pages.numbers import title
from allegory.pages.results import CONTROLS, GAIN, WHO, Board, Line, Result, results
from allegory.pages.tables import heading
from allegory.questions import Score, registered, significance
from allegory.questions.comparing import compare
from allegory.questions.intervals import LEAST_SEEDS, student
from allegory.questions.significance import Friedman

USUAL = (
    *(("few_labels", f"accuracy@{k}") for k in (1, 2, 4, 8)), ("linear_probe", "accuracy"), ("knn", "accuracy"),
)  # fmt: skip
SHORT = {"linear_probe": "all labels", "knn": "kNN"}
HIGHER = ("accuracy", "balanced_accuracy", "share_of_variance", "r2")
LOWER = ("drop", "mse", "unfairness")
PROTOCOL = re.compile(r"; data (?P<data>.*?)(?: [0-9a-f]{12})?(?P<learned>, the encoder learned on all parts)?; seed -?\d+$", re.S)


def better(question: str, metric: str) -> int:
    """1 where a high value of a metric is good, -1 where a low one is, 0 where it depends."""
    bare = metric.removeprefix(GAIN)
    if bare.startswith(HIGHER):
        return 1
    if bare.startswith(LOWER):
        return -1
    cls = registered().get(question)
    return {"higher": 1, "lower": -1}.get(cls.card.better, 0) if cls else 0


def data_in(protocol: str) -> str:
    """The name of the data in a protocol; "" where it has none."""
    found = PROTOCOL.search(protocol)
    return found["data"] if found else ""


@dataclass(frozen=True)
class Column:
    """A metric of a question by one protocol; `name` is its head; `better` as above."""

    question: str
    metric: str
    protocol: str
    name: str
    better: int


@dataclass(frozen=True)
class Standings:
    """`board`: a line a run (or method), then the controls. `best`: (line, column) of what is best or not significantly worse.
    `ranks`: the mean rank of each own line over the `ranked` columns, and of these lines `leading` are the best or not significantly
    worse; `friedman` and `difference` (Nemenyi's) where there are 3 methods and 5 columns. `how`: the tests in words."""

    board: Board
    columns: tuple[Column, ...]
    best: frozenset[tuple[int, int]] = frozenset()
    ranks: tuple[float, ...] = ()
    ranked: int = 0
    leading: frozenset[int] = frozenset()
    friedman: Friedman | None = None
    difference: float | None = None
    how: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.columns)


def standings(runs: Sequence[Told], metrics: Sequence[str] = (), by: str = "run") -> Standings:
    """The table of runs, each a dict of name, method, settings, scores and facts; of `metrics` ("knn:accuracy", or a question with all
    of its metrics), or those of the usual board. `by` "method": runs that differ in seed and data only are one line.
    Raises `Misuse` for metrics that no run has."""
    rows = {id(run): results(run["scores"]) for run in runs}
    wanted = chosen([r for found in rows.values() for r in found], metrics)
    groups = by_method(runs) if by == "method" else named(runs)
    every = [r for found in rows.values() for r in found if r.control is None]
    columns = _columns(every, wanted)
    own = {name: [[_cell(rows[id(run)], c) for run in group] for c in columns] for name, group in groups.items()}
    lines = [Line(name, None, tuple(map(_joined, cells))) for name, cells in own.items()]
    pairs = [[_by_seed(group, cells) for cells in own[name]] for name, group in groups.items()]
    lines += _controls(rows, groups, columns) if by == "run" else []
    board = Board("", tuple(c.name for c in columns), tuple(lines))
    return _judged(Standings(board, columns, warnings=_warnings(columns, own)), pairs)


def named(runs: Sequence[Told]) -> dict[str, list[Told]]:
    """Each run by its name; a name used twice gets a number."""
    found: dict[str, list[Told]] = {}
    for run in runs:
        name, k = str(run["name"]), 2
        while name in found:
            name, k = f"{run['name']} ({k})", k + 1
        found[name] = [run]
    return found


def chosen(rows: Sequence[Result], metrics: Sequence[str]) -> list[tuple[str, str]]:
    """The (question, metric) that are meant, in order. A metric without its question is looked for in all."""
    known = list(dict.fromkeys((r.question, r.metric) for r in rows if r.control is None))
    if not metrics:
        return [pair for pair in USUAL if pair in known]
    found: list[tuple[str, str]] = []
    for asked in metrics:
        question, _, metric = asked.partition(":")
        hits = [(q, m) for q, m in known if (q == question and metric in ("", m)) or (not metric and m == question)]
        if not hits:
            raise nearest(asked, [f"{q}:{m}" for q, m in known], "metric of these runs")
        found += [pair for pair in hits if pair not in found]
    return found


def _columns(rows: Sequence[Result], wanted: Sequence[tuple[str, str]]) -> tuple[Column, ...]:
    """A column for each metric and protocol; its name says as much as tells it from the others."""
    found = []
    for question, metric in wanted:
        protocols = list(dict.fromkeys(r.protocol for r in rows if (r.question, r.metric) == (question, metric)))
        for protocol in protocols:
            name = _head(question, metric, wanted)
            data = [data_in(p) for p in protocols]
            if len(set(data)) > 1:
                name += f" on {data_in(protocol) or 'unknown data'}"
            alike = [p for p in protocols if data_in(p) == data_in(protocol)]
            if len(alike) > 1:
                name += f" [{alike.index(protocol) + 1}]"
            found.append(Column(question, metric, protocol, name, better(question, metric)))
    return tuple(found)


def _head(question: str, metric: str, wanted: Sequence[tuple[str, str]]) -> str:
    if question == "few_labels" and metric.startswith("accuracy@"):
        return heading(metric.removeprefix("accuracy@"))
    if metric == "accuracy" and question in SHORT:
        return SHORT[question]
    shared = sum(m == metric for _, m in wanted) > 1 or metric.startswith(("accuracy", "balanced_accuracy"))
    return f"{title(question)}: {title(metric)}" if shared and metric != question else title(metric)


def _cell(rows: Sequence[Result], c: Column, control: str | None = None) -> Result | None:
    key = (c.question, c.metric, c.protocol, control)
    return next((r for r in rows if (r.question, r.metric, r.protocol, r.control) == key), None)


def _by_seed(group: Sequence[Told], cells: Sequence[Result | None]) -> dict[int, float]:
    """The value of each training seed of a line in one column, where each seed is a run of its own."""
    found = [((run.get("facts") or {}).get("seed"), r) for run, r in zip(group, cells, strict=True) if r is not None and r.seeds == 1]
    return {seed: r.value for seed, r in found if isinstance(seed, int)}


def _joined(cells: Sequence[Result | None]) -> Result | None:
    """The mean of several runs. Its interval joins theirs, which come of the same items, with Student's over the runs, in squares."""
    found = [r for r in cells if r is not None]
    if len(found) < 2:
        return found[0] if found else None
    values = np.array([r.value for r in found])
    mean, n = float(values.mean()), len(found)
    seeds = student(values) if n >= LEAST_SEEDS else 0.0
    sides = [(r.value - r.low, r.high - r.value) for r in found if r.low is not None and r.high is not None]
    if len(sides) < n:
        return replace(found[0], value=mean, low=None, high=None, seeds=n)
    below, above = np.mean(sides, axis=0)
    return replace(found[0], value=mean, low=mean - math.hypot(below, seeds), high=mean + math.hypot(above, seeds), seeds=n)


def _controls(rows: Mapping[int, Sequence[Result]], groups: Mapping[str, Sequence[Told]], columns: Sequence[Column]) -> list[Line]:
    """The controls, each once for all runs that have the same figures."""
    found: dict[Any, tuple[Line, list[str]]] = {}
    for name, (run,) in groups.items():
        own = rows[id(run)]
        for who in dict.fromkeys(r.control for r in own if r.control is not None):
            cells = tuple(_cell(own, c, who) for c in columns)
            if any(cells):
                figure = tuple(c and round(c.value, 4) for c in cells)
                found.setdefault((who, figure), (Line(WHO.get(who, who), who, cells), []))[1].append(name)
    kinds = [who for who, _ in found]
    lines = [named_for(line, names) if kinds.count(line.control) > 1 else line for line, names in found.values()]
    return sorted(lines, key=lambda line: CONTROLS.index(line.control) if line.control in CONTROLS else len(CONTROLS))


def named_for(line: Line, names: Sequence[str]) -> Line:
    """A control that differs from run to run says whose it is."""
    return replace(line, who=f"{line.who} ({names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''})")


def _warnings(columns: Sequence[Column], own: Mapping[str, Sequence[Sequence[Result | None]]]) -> tuple[str, ...]:
    """What was asked of the same data in several ways, which are not compared; and who has none of these figures."""
    said = []
    for metric in dict.fromkeys((c.question, c.metric, data_in(c.protocol)) for c in columns):
        alike = [c for c in columns if (c.question, c.metric, data_in(c.protocol)) == metric]
        if len(alike) > 1:
            ways = "; ".join(f"[{i}] {c.protocol or 'unknown'}" for i, c in enumerate(alike, 1))
            said.append(f"{alike[0].name.rpartition(' [')[0]} was measured by {len(alike)} protocols, which are not compared: {ways}.")
    without = [name for name, cells in own.items() if not any(r for column in cells for r in column)]
    return (*said, f"Not measured: {', '.join(without)}.") if without else tuple(said)


def _judged(table: Standings, pairs: Sequence[Sequence[Mapping[int, float]]]) -> Standings:
    """With what is best, the ranks, and the tests of both."""
    lines = [line for line in table.board.lines if line.control is None]
    best, used = set[tuple[int, int]](), set[str]()
    for j, c in enumerate(table.columns):
        cells = [line.cells[j] for line in lines]
        if c.better and sum(cell is not None for cell in cells) > 1:
            best |= {(i, j) for i in _best(cells, [p[j] for p in pairs], c.better, used)}
    return _ranked(replace(table, best=frozenset(best), how=tuple(sorted(used))), lines)


INTERVALS = (
    "Bold: the best of a column, and what the stored intervals do not tell apart from it (the 95 % interval of the difference, taken as if"
    " the two were measured apart, holds 0; that is cautious). The pairs were not corrected for their number."
)
PAIRS = (
    "Bold: the best of a column, and what a sign-flip test over training seeds does not tell apart from it (p > .05, at least 6 seeds)."
    " The pairs were not corrected for their number."
)
ALONE = "Bold, where there is neither an interval nor 6 training seeds: the best figure alone, which says nothing of chance."


def _best(cells: Sequence[Result | None], by_seed: Sequence[Mapping[int, float]], sign: int, used: set[str]) -> list[int]:
    """The lines of a column that are best or not significantly worse; `used` gathers the tests."""
    top = max((i for i, c in enumerate(cells) if c), key=lambda i: sign * cells[i].value)  # type: ignore[union-attr]
    found = [top]
    for i, cell in enumerate(cells):
        if cell is None or i == top:
            continue
        ours = cells[top]
        assert ours is not None
        shared = sorted(set(by_seed[top]) & set(by_seed[i]))
        if len(shared) >= significance.LEAST_PAIRS:
            used.add(PAIRS)
            p = significance.sign_flip(np.array([by_seed[top][s] - by_seed[i][s] for s in shared]))
            worse = p <= significance.ALPHA
        else:
            gain = compare(as_score(ours), as_score(cell))
            used.add(ALONE if gain.low is None else INTERVALS)
            worse = cell.value != ours.value if gain.low is None or gain.high is None else gain.low > 0 or gain.high < 0
        if not worse:
            found.append(i)
    return found


def as_score(r: Result) -> Score:
    """A row as a score without evidence."""
    return Score(r.question, r.metric, r.value, r.low, r.high, r.n or 0, r.seeds, r.split, r.control, r.protocol)


def _ranked(table: Standings, lines: Sequence[Line]) -> Standings:
    """With the mean ranks over the columns where all runs have a figure and it is known what is good."""
    full = [j for j, c in enumerate(table.columns) if c.better and all(line.cells[j] for line in lines)]
    k, n = len(lines), len(full)
    if k < 2 or n < 2:
        return table
    values = np.array([[line.cells[j].value for line in lines] for j in full])  # type: ignore[union-attr]
    signs = [table.columns[j].better for j in full]
    ranks = significance.mean_ranks(values, signs)
    leading = _leading(values, signs)
    said = f"Mean rank over {n} columns (1 is best)"
    said += ", bold as above by a sign-flip test over columns." if n >= significance.LEAST_PAIRS else "."
    if len({data_in(table.columns[j].protocol) for j in full}) < n:
        said += " Columns of the same data are no independent samples, so tests of ranks over them describe rather than prove."
    table = replace(table, ranks=tuple(map(float, ranks)), ranked=n, leading=leading, how=(*table.how, said))
    if k < significance.LEAST_METHODS or n < significance.LEAST_COLUMNS:
        return table
    return replace(table, friedman=significance.friedman(ranks, n), difference=significance.critical_difference(k, n))


def _leading(values: np.ndarray, signs: Sequence[int]) -> frozenset[int]:
    """The lines with the best mean rank, or not significantly worse over the columns."""
    each = stats.rankdata(-values * np.asarray(signs)[:, None], axis=1)
    top = int(each.mean(0).argmin())
    if len(values) < significance.LEAST_PAIRS:
        return frozenset({top})
    told = [significance.sign_flip(each[:, i] - each[:, top]) for i in range(values.shape[1])]
    return frozenset(i for i, p in enumerate(told) if i == top or p > significance.ALPHA)
