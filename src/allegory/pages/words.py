"""The verdict in words: what was learned, on what, and whether it is any good beside the controls. Nothing is claimed that an
interval does not carry: two results are told apart only when their 95 % intervals do not overlap, which is stricter than a paired test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from allegory.pages.numbers import interval, value
from allegory.pages.results import CEILING, Board, Line, Result, board

Kind = Literal["better", "unclear", "worse", "alone", "unmeasured"]
NUMBERS = {"1": "one label", "2": "two labels", "4": "four labels", "8": "eight labels"}
WHEN = {"all": "With all labels", "kNN": "By its nearest neighbours"}
MARKS: dict[Kind, str] = {
    "better": "better than every control", "unclear": "not clearly better than the controls", "worse": "worse than a control",
    "alone": "no control to compare with", "unmeasured": "not measured",
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """The first column's finding and the sentences that say it; `mark` is the finding in a few words."""

    kind: Kind
    lead: str
    detail: tuple[str, ...]

    @property
    def mark(self) -> str:
        return MARKS[self.kind]


def verdict(rows: Sequence[Result], method: str, data: str) -> Verdict:
    """The verdict on a method's results; balanced accuracy is used where accuracy is missing."""
    table = board(rows, method) or board(rows, method, "balanced_accuracy")
    line = table.line(None)
    if line is None:
        lead = f"{method} learned a code of {data}. How good it is was not measured; that takes labels, and a few a class are enough."
        return Verdict("unmeasured", lead, ())
    measured = [i for i, cell in enumerate(line.cells) if cell is not None]
    first = measured[0]
    mine, rival = line.cells[first], best_control(table, first)
    assert mine is not None
    kind = compared(mine, rival[1]) if rival else "alone"
    lead = f"{when(table.columns[first])}, {method} reads {data} at {_percent(mine)} ({_bounds(mine)}){_raw(table, first)}."
    detail = [_judged(kind, rival)]
    detail += [_later(table, i) for i in _telling(table, measured[1:], kind)]
    return Verdict(kind, lead, tuple(d for d in detail if d))


def when(column: str) -> str:
    """ "With one label a class", "With all labels" ..."""
    return WHEN.get(column, f"With {NUMBERS.get(column, f'{column} labels')} a class")


def best_control(table: Board, column: int) -> tuple[Line, Result] | None:
    """The control with the highest value in a column; the supervised ceiling has seen the labels and is not one."""
    cells = [(line, line.cells[column]) for line in table.lines if line.control not in (None, CEILING)]
    rivals = [(line, cell) for line, cell in cells if cell is not None]
    return max(rivals, key=lambda pair: pair[1].value) if rivals else None


def compared(mine: Result, other: Result) -> Kind:
    """Better or worse only where the intervals are known and lie apart."""
    if None in (mine.low, mine.high, other.low, other.high):
        return "unclear"
    if mine.low > other.high:  # type: ignore[operator]
        return "better"
    return "worse" if mine.high < other.low else "unclear"  # type: ignore[operator]


def _judged(kind: Kind, rival: tuple[Line, Result] | None) -> str:
    if rival is None:
        return "There is no control beside it, so the number alone says little."
    who, figure = rival[0].who, f"{_percent(rival[1])} ({_bounds(rival[1])})"
    return {
        "better": f"That is better than every control. The best of them, {who}, reaches {figure}, and the intervals lie apart.",
        "unclear": f"That is not clearly better than {who}, at {figure}: the intervals overlap, so the difference may be chance.",
        "worse": f"That is worse than {who}, at {figure}. For this task the codes lose more than they bring.",
    }[kind]


def _telling(table: Board, columns: Sequence[int], first: Kind) -> list[int]:
    """The columns worth a sentence: all labels, and the first whose finding differs from the lead's."""
    line = table.line(None)
    chosen = [i for i in columns if table.columns[i] == "all"]
    for i in columns:
        mine, rival = line and line.cells[i], best_control(table, i)
        if mine and rival and compared(mine, rival[1]) != first:
            chosen.append(i)
            break
    return sorted(set(chosen))


def _later(table: Board, column: int) -> str:
    line, rival = table.line(None), best_control(table, column)
    mine = line and line.cells[column]
    if not mine or rival is None:
        return ""
    kind = compared(mine, rival[1])
    end = {"better": "better than every control", "unclear": "not clearly better", "worse": "worse"}[kind]
    return (
        f"{when(table.columns[column])} it reaches {_percent(mine)} ({_bounds(mine)}) against {_percent(rival[1])} "
        f"({_bounds(rival[1])}) for the best control, {rival[0].who}: {end}."
    )


def _raw(table: Board, column: int) -> str:
    raw = table.line("raw input")
    cell = raw.cells[column] if raw else None
    return f"; the raw input alone gives {_percent(cell)}" if cell else ""


def _percent(r: Result) -> str:
    wide = r.low is None or r.high is None or r.high - r.low > 0.02
    return f"{100 * r.value:.0f} %" if wide else f"{value(r.value, r.metric)} %"


def _bounds(r: Result) -> str:
    if r.low is None or r.high is None:
        return "no interval"
    if r.high - r.low > 0.02:
        return f"95 % interval {100 * r.low:.0f}–{100 * r.high:.0f}"
    return f"95 % interval {interval(r.low, r.high, r.metric)}"
