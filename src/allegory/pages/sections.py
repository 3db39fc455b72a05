"""A section for every question that the boards do not show: the answer in words first, then the table, then its pictures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from allegory.core import Paper
from allegory.pages.drawn import drawn
from allegory.pages.numbers import decimals, is_share, tidy, title, value
from allegory.pages.results import CONTROLS, GAIN, WHO, Result
from allegory.questions import Score, Scores, group, registered

MOST_COLUMNS = 6
BESIDE = 3  # a table of so many columns has room beside its words
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
    found = {(r.control, r.metric): cell(r) for r in rows}
    names, titles = tuple(told(who, method) for who in whos), tuple(map(title, metrics))
    own = tuple(who is None for who in whos)
    if len(metrics) <= MOST_COLUMNS:
        return Table(names, titles, tuple(tuple(found.get((who, m)) for m in metrics) for who in whos), own)
    return Table(titles, names, tuple(tuple(found.get((who, m)) for who in whos) for m in metrics), (False,) * len(metrics))


def cell(r: Result | None) -> Cell | None:
    """A result as it is written: with as many decimals as its interval says something about, shares in percent."""
    if r is None:
        return None
    if r.low is None or r.high is None or not (math.isfinite(r.high - r.low) and r.high > r.low):
        return Cell(value(r.value, r.metric))
    times = 100 if is_share(r.metric) else 1
    digits = min(6, max(0, 1 - math.floor(math.log10(times * (r.high - r.low)))))
    at, low, high = (decimals(times * v, digits) for v in (r.value, r.low, r.high))
    return Cell(at, f"{low}{' to ' if r.low < 0 else '–'}{high}", f"±{times * max(r.high - r.value, r.value - r.low):.{digits}f}")


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
