"""The table of the terminal and of the model card: the method and its controls at 1, 2, 4, 8 labels a class and all labels."""

import io
import textwrap
from collections.abc import Container, Iterable
from typing import Any

from allegory.pages.numbers import half, interval, value
from allegory.pages.results import CEILING, Board, Result, board, results
from allegory.pages.words import verdict


def text(scores: Iterable[Any], method: str, data: str = "the data", *, width: int = 100, rich: bool = False) -> str:
    """The table as text, 80 columns wide at most for one-word names, and the verdict in words below it; "" when nothing was measured.

    `rich` adds terminal colours. Cells read "78.1±1.9": the 95 % interval's longer side.
    """
    rows = results(scores)
    table = board(rows, method) or board(rows, method, "balanced_accuracy")
    if not table:
        return ""
    said = verdict(rows, method, data)
    note = f"{table.metric.replace('_', ' ')} in %, by labels a class; ± is the longer side of the 95 % interval"
    sentences = (textwrap.fill(sentence, width) for sentence in (said.lead, *said.detail))
    return drawn(table, width, rich) + "\n".join((note, "", *sentences)) + "\n"


def markdown(table: Board) -> str:
    """The board as a Markdown table, intervals in full."""
    head = (f"{table.metric.replace('_', ' ')}, %", *(heading(c) for c in table.columns))
    lines = [head, ("---", *["---:"] * len(table.columns))]
    lines += [(escaped(line.who), *(_full(c) for c in line.cells)) for line in table.lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def heading(column: str) -> str:
    """The heading of a board's column: "1 label", "2 labels", "all", "kNN"."""
    return f"{column} label{'' if column == '1' else 's'}" if column.isdigit() else column


_MARKS = str.maketrans({c: f"&#{ord(c)};" for c in "<>&|`"} | {c: f"\\{c}" for c in "\\*_[]#!~$"})


def escaped(words: str) -> str:
    """Text that came from data, safe inside Markdown: no markup, no HTML, no table bars, one line."""
    return " ".join(str(words).split()).translate(_MARKS)


def _full(r: Result | None) -> str:
    if r is None:
        return "–"
    bounds = interval(r.low, r.high, r.metric)
    return value(r.value, r.metric) + (f" ({bounds})" if bounds else "")


def _short(r: Result | None) -> str:
    if r is None:
        return "–"
    if r.low is None or r.high is None:
        return value(r.value, r.metric)
    return value(r.value, r.metric) + half(r.value, r.low, r.high, r.metric)


def drawn(table: Board, width: int = 100, rich: bool = False, starred: Container[tuple[int, int]] = ()) -> str:
    """A board as text; `starred` (line, column) get a star."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("")
    for name in table.columns:
        grid.add_column(Text(name), justify="right", no_wrap=True)
    for i, line in enumerate(table.lines):
        cells = [_short(r) + "*" * ((i, j) in starred) for j, r in enumerate(line.cells)]
        style = "bold" if line.control is None else "dim" if line.control == CEILING else ""
        grid.add_row(*(Text(c, style=style) for c in (line.who, *cells)))
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=rich, color_system="standard" if rich else None, highlight=False).print(grid)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n\n"
