"""A section for every question that the boards do not show: the answer in words first, then the table, then its pictures."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from allegory.core import Paper
from allegory.pages.drawn import drawn
from allegory.pages.numbers import decimals, is_share, number, tidy, title, value
from allegory.pages.results import CONTROLS, GAIN, WHO, Result
from allegory.questions import Score, Scores, group, registered

MOST_COLUMNS = 6
BESIDE = 2  # a table of so many columns has room beside its words
BOARDS = ("few_labels", "linear_probe", "knn")
GROUPS = {"uses": "What it enables", "nature": "What it is"}


@dataclass(frozen=True)
class Cell:
    """A number as it is written, its 95 % interval in `full` for wide screens, and the interval's longer side for narrow ones."""

    value: str
    full: str = ""
    half: str = ""


@dataclass(frozen=True)
class Table:
    """`cells[row][column]`; `rows` and `columns` are the words of the heads; `who` is the control of each row, or of each column."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    own: tuple[bool, ...]


@dataclass(frozen=True)
class Section:
    """One question: `asks`, its answer in `words`, the table, its pictures, and the protocols behind."""

    name: str
    asks: str
    words: str
    better: str
    table: Table
    pictures: tuple[Markup, ...]
    protocols: tuple[str, ...]
    paper: Paper | None

    @property
    def wide(self) -> bool:
        """Whether the table needs the whole width."""
        return len(self.table.columns) > BESIDE


def sections(rows: Sequence[Result], method: str, scores: Scores) -> dict[str, list[Section]]:
    """The sections by heading: what it enables, what it is. Questions that this version does not know come last, without words."""
    found: dict[str, list[Section]] = {heading: [] for heading in GROUPS.values()}
    known = registered()
    for name in sorted({r.question for r in rows} - set(BOARDS), key=lambda n: list(known).index(n) if n in known else len(known)):
        own = [r for r in rows if r.question == name and not r.metric.startswith(GAIN)]
        if own:
            found[GROUPS[group(known[name])] if name in known else GROUPS["nature"]].append(_section(name, own, method, scores.of(name)))
    return {heading: made for heading, made in found.items() if made}


def _section(name: str, rows: Sequence[Result], method: str, scores: Scores) -> Section:
    cls = registered().get(name)
    protocols = tuple(dict.fromkeys(r.protocol for r in rows if r.protocol))
    pictures = tuple(map(drawn, scores.pictures.get(name, ())))
    if cls is None:
        return Section(name, name.replace("_", " "), "", "depends", _table(rows, method), pictures, protocols, None)
    words = tidy(cls().words(scores))
    return Section(name, cls.card.asks, words, cls.card.better, _table(rows, method), pictures, protocols, cls.card.paper)


def _table(rows: Sequence[Result], method: str) -> Table:
    """Whom it was asked of down, metrics across; the other way round when there are many metrics."""
    metrics = list(dict.fromkeys(r.metric for r in rows))
    whos = sorted(dict.fromkeys(r.control for r in rows), key=_place)
    written = {m: digits(r for r in rows if r.metric == m) for m in metrics}
    found = {(r.control, r.metric): cell(r, written[r.metric]) for r in rows}
    names, titles = tuple(told(who, method) for who in whos), tuple(map(title, metrics))
    own = tuple(who is None for who in whos)
    if len(metrics) <= MOST_COLUMNS:
        return Table(names, titles, tuple(tuple(found.get((who, m)) for m in metrics) for who in whos), own)
    return Table(titles, names, tuple(tuple(found.get((who, m)) for who in whos) for m in metrics), (False,) * len(metrics))


def cell(r: Result | None, digits: int) -> Cell | None:
    """A result with so many decimals; shares in percent."""
    if r is None:
        return None
    times = 100 if is_share(r.metric) else 1
    if (width := _width(r)) is None:
        return Cell(value(r.value, r.metric) if is_share(r.metric) else number(r.value))
    ends = (r.value, r.value if r.low is None else r.low, r.value if r.high is None else r.high)
    at, low, high = (decimals(times * v, digits) for v in ends)
    return Cell(at, f"{low}{' to ' if low.startswith('−') else '–'}{high}", f"±{times * width:.{digits}f}")


def digits(rows: Iterable[Result]) -> int:
    """The decimals of a metric: as many as the intervals say something about, the same for everybody."""
    sides = [(100 if is_share(r.metric) else 1) * w for r in rows if (w := _width(r))]
    return min((min(6, max(0, 1 - math.floor(math.log10(2 * side)))) for side in sides), default=0)


def _width(r: Result) -> float | None:
    """The longer side of the interval; None without one, or with one of no width."""
    if r.low is None or r.high is None or not (math.isfinite(r.high - r.low) and r.high > r.low):
        return None
    return max(r.high - r.value, r.value - r.low)


def told(who: str | None, method: str) -> str:
    """A row's name."""
    return method if who is None else WHO.get(who, who)


def _place(who: str | None) -> tuple[int, str]:
    order = [None, *CONTROLS]
    return (order.index(who), "") if who in order else (len(order), str(who))


def as_scores(scores: object, rows: Sequence[Result]) -> Scores:
    """What `words` reads: the scores themselves, or those of scores.json."""
    if isinstance(scores, Scores):
        return scores
    return Scores(Score(r.question, r.metric, r.value, r.low, r.high, r.n or 0, r.seeds, r.split, r.control, r.protocol) for r in rows)
