"""The verdict in words: what was learned, on what, and whether it is any good beside the controls. Nothing is claimed that an
interval does not carry: better or worse needs a paired gain whose 95 % interval leaves out zero, or, where scores carry no gain,
two intervals that lie apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from allegory.pages.numbers import decimals
from allegory.pages.results import CEILING, GAIN, RELATIONS, Board, Line, Result, board

Kind = Literal["better", "unclear", "worse", "alone", "unmeasured"]
NUMBERS = {"1": "one label", "2": "two labels", "4": "four labels", "8": "eight labels"}
WHEN = {"all": "With all labels", "kNN": "By its nearest neighbours", RELATIONS: "By distance"}
METRICS = ("accuracy", "balanced_accuracy", "map")
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


@dataclass(frozen=True)
class Finding:
    """How the method stands in one column: `who` is the control that decides, with its figure and the method's gain over it."""

    kind: Kind
    mine: Result
    who: str = ""
    other: Result | None = None
    gain: Result | None = None


def verdict(rows: Sequence[Result], method: str, data: str) -> Verdict:
    """The verdict on a method's results; balanced accuracy is used where accuracy is missing, and relations where there are no labels."""
    table = next(filter(None, (board(rows, method, metric) for metric in METRICS)), board(rows, method))
    gains = board(rows, method, f"{GAIN}{table.metric}")
    findings = [(c, f) for c in table.columns if (f := found(table, gains, c))]
    if not findings:
        lead = f"{method} learned a code of {data}. How good it is was not measured; that takes labels, and a few a class are enough."
        return Verdict("unmeasured", lead, ())
    column, first = findings[0]
    raw = table.cell("raw input", column)
    beside = f"; the raw input alone gives {_percent(raw)}" if raw else ""
    reads = f"finds the relations of {data} again with a mean average precision of" if column == RELATIONS else f"reads {data} at"
    lead = f"{when(column)}, {method} {reads} {_percent(first.mine)} ({_bounds(first.mine)}){beside}."
    later = [_later(c, f) for c, f in _telling(findings)]
    return Verdict(first.kind, lead, (_judged(first), *later))


def when(column: str) -> str:
    """ "With one label a class", "With all labels" ..."""
    return WHEN.get(column, f"With {NUMBERS.get(column, f'{column} labels')} a class")


def found(table: Board, gains: Board, column: str) -> Finding | None:
    """The finding of a column; None where the method has no figure. The supervised ceiling has seen the labels and is no rival."""
    mine = table.cell(None, column)
    if mine is None:
        return None
    rivals = [line for line in table.lines if line.control not in (None, CEILING) and table.cell(line.control, column)]
    judged = [(compared(mine, table.cell(r.control, column), gains.cell(r.control, column)), r) for r in rivals]
    for kind in ("worse", "unclear", "better"):
        decisive = [line for k, line in judged if k == kind]
        if decisive:
            return _finding(kind, mine, max(decisive, key=lambda r: _value(table, r, column)), table, gains, column)
    return Finding("alone", mine)


def _finding(kind: Kind, mine: Result, line: Line, table: Board, gains: Board, column: str) -> Finding:
    return Finding(kind, mine, line.who, table.cell(line.control, column), gains.cell(line.control, column))


def _value(table: Board, line: Line, column: str) -> float:
    cell = table.cell(line.control, column)
    return cell.value if cell else float("-inf")


def compared(mine: Result, other: Result | None, gain: Result | None = None) -> Kind:
    """By the paired gain where there is one, else by the two intervals; without intervals nothing is told apart."""
    if gain is not None and gain.low is not None and gain.high is not None:
        return "better" if gain.low > 0 else "worse" if gain.high < 0 else "unclear"
    if other is None or mine.low is None or mine.high is None or other.low is None or other.high is None:
        return "unclear"
    return "better" if mine.low > other.high else "worse" if mine.high < other.low else "unclear"


def _judged(f: Finding) -> str:
    if f.other is None:
        return "There is no control beside it, so the number alone says little."
    figure = f"{_percent(f.other)} ({_bounds(f.other)})"
    return {
        "better": f"That is better than every control. The best of them, {f.who}, reaches {figure}; {_gain(f)}.",
        "unclear": f"That is not clearly better than {f.who}, at {figure}: {_gain(f)}, so the difference may be chance.",
        "worse": f"That is worse than {f.who}, at {figure}: {_gain(f)}. For this task the codes lose more than they bring.",
    }[f.kind]


def _gain(f: Finding) -> str:
    """The difference in words, paired where that was measured."""
    if f.gain is not None and f.gain.low is not None and f.gain.high is not None:
        points, low, high = (decimals(100 * v, 1) for v in (f.gain.value, f.gain.low, f.gain.high))
        return f"the paired difference is {points} points (95 % interval {low} to {high})"
    return "the intervals overlap" if f.kind == "unclear" else "the intervals lie apart"


def _telling(findings: Sequence[tuple[str, Finding]]) -> list[tuple[str, Finding]]:
    """The columns worth a sentence: all labels, and the first whose finding differs from the lead's."""
    other = next((c for c, f in findings[1:] if f.kind != findings[0][1].kind), None)
    return [(c, f) for c, f in findings[1:] if f.other is not None and c in ("all", other)]


def _later(column: str, f: Finding) -> str:
    assert f.other is not None
    end = {"better": "better than every control", "unclear": "not told apart", "worse": "worse"}.get(f.kind, "")
    return f"{when(column)} it reaches {_percent(f.mine)} ({_bounds(f.mine)}) against {_percent(f.other)} for {f.who}: {end}."


def _percent(r: Result) -> str:
    wide = r.low is None or r.high is None or r.high - r.low > 0.02
    return f"{100 * r.value:.0f} %" if wide else f"{decimals(100 * r.value, 1)} %"


def _bounds(r: Result) -> str:
    if r.low is None or r.high is None:
        return "no interval"
    if r.high - r.low > 0.02:
        return f"95 % interval {100 * r.low:.0f}–{100 * r.high:.0f}"
    return f"95 % interval {decimals(100 * r.low, 1)}–{decimals(100 * r.high, 1)}"
