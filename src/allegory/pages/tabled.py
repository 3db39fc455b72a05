"""Standings as a file: CSV for programs, Markdown for a README, LaTeX for a paper. What came from data is escaped in each."""

import csv
import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from allegory.adapting.predictions import guarded
from allegory.pages.numbers import interval, is_share, number, value
from allegory.pages.results import Result
from allegory.pages.standings import Standings
from allegory.pages.tables import escaped

RANK = "mean rank"
ENDS = ("value", "low", "high")


def as_csv(table: Standings) -> str:
    """A row a line; of each column the value, the ends of its interval and whether it is bold. Numbers in full, shares as shares.

    A text that begins with = + - @ or a tab gets an apostrophe in front, so that no spreadsheet runs it as a formula.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = [f"{name}{part}" for name in table.board.columns for part in ("", " low", " high", " best")]
    writer.writerow([guarded(head) for head in ("who", "control", *heads, *([RANK] if table.ranks else []))])
    for i, line in enumerate(table.board.lines):
        cells = [text for j, r in enumerate(line.cells) for text in _numbers(r, (i, j) in table.best, line.control is None)]
        ranks = [f"{table.ranks[i]:.4g}" if i < len(table.ranks) else ""] if table.ranks else []
        writer.writerow([guarded(line.who), guarded(line.control or ""), *cells, *ranks])
    return out.getvalue()


def _numbers(r: Result | None, best: bool, own: bool) -> list[str]:
    if r is None:
        return ["", "", "", ""]
    ends = ["" if v is None or not math.isfinite(v) else f"{v:.6g}" for v in (r.value, r.low, r.high)]
    return [*ends, str(int(best)) if own else ""]


def as_dict(table: Standings) -> dict[str, Any]:
    """JSON values: the columns, the lines with their figures, and what was said of them."""
    lines = [
        {
            "who": line.who, "control": line.control, "rank": table.ranks[i] if i < len(table.ranks) else None,
            "cells": [r and {**{k: getattr(r, k) for k in ENDS}, "best": (i, j) in table.best} for j, r in enumerate(line.cells)],
        }
        for i, line in enumerate(table.board.lines)
    ]  # fmt: skip
    columns = [{"name": c.name, "question": c.question, "metric": c.metric, "protocol": c.protocol} for c in table.columns]
    return {"columns": columns, "lines": lines, "notes": notes_of(replace(table, warnings=())), "warnings": list(table.warnings)}


def as_markdown(table: Standings) -> str:
    """A Markdown table with the intervals, the best in bold, and the notes below."""
    rows = [[escaped(line.who), *cells] for line, cells in zip(table.board.lines, _words(table, "**", _plain), strict=True)]
    head = ["", *map(escaped, heads(table)), *([RANK] if table.ranks else [])]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    notes = "".join(f"\n- {escaped(note)}" for note in notes_of(table))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n" + (f"{notes}\n" if notes else "")


def as_latex(table: Standings) -> str:
    """A tabular for the package booktabs, with the notes as comments. Names are escaped; numbers are in math mode."""
    rows = [[latex(line.who), *cells] for line, cells in zip(table.board.lines, _words(table, None, _maths), strict=True)]
    own = sum(line.control is None for line in table.board.lines)
    head = ["", *map(latex, heads(table)), *([RANK] if table.ranks else [])]
    lines = ["% \\usepackage{booktabs}", *(f"% {_one_line(note)}" for note in notes_of(table))]
    lines += [f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", "\\toprule", _row(head), "\\midrule"]
    lines += [_row(row) for row in rows[:own]] + (["\\midrule"] if own < len(rows) else []) + [_row(row) for row in rows[own:]]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def heads(table: Standings) -> list[str]:
    """The heads of the columns, with the unit and an arrow towards what is good."""
    arrows = {1: "↑", -1: "↓", 0: ""}
    return [f"{c.name}{', %' if is_share(c.metric) else ''} {arrows[c.better]}".strip() for c in table.columns]


def notes_of(table: Standings) -> list[str]:
    """What people should know: warnings first, then how the bold ones and the ranks came about."""
    said = [*table.warnings, *table.how]
    if table.friedman is not None and table.difference is not None:
        f = table.friedman
        said.append(
            f"Friedman's test (Iman and Davenport's F = {number(f.f) if math.isfinite(f.f) else 'infinite'}, p = {f.p:.2g}); by Nemenyi's "
            f"test mean ranks differ at .05 when they lie {table.difference:.2f} or more apart (Demsar 2006)."
        )
    return said


def _words(table: Standings, mark: str | None, written: Callable[[Result], str]) -> list[list[str]]:
    """The cells of every line as words, the best in bold."""
    rows = []
    for i, line in enumerate(table.board.lines):
        cells = ["–" if r is None else _bold(written(r), (i, j) in table.best, mark) for j, r in enumerate(line.cells)]
        if table.ranks:
            cells.append(_bold(f"{table.ranks[i]:.2f}", i in table.leading, mark) if i < len(table.ranks) else "–")
        rows.append([cell if mark else cell.replace("–", "--") for cell in cells])
    return rows


def _bold(text: str, bold: bool, mark: str | None) -> str:
    return text if not bold else f"{mark}{text}{mark}" if mark else f"\\textbf{{{text}}}"


def _plain(r: Result) -> str:
    bounds = interval(r.low, r.high, r.metric)
    return value(r.value, r.metric) + (f" ({bounds})" if bounds else "")


def _maths(r: Result) -> str:
    return _plain(r).replace("−", "$-$").replace("±", "$\\pm$")


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + " \\\\"


_SPECIAL = {
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}",
    "|": "\\textbar{}", '"': "\\textquotedbl{}", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "−": "$-$", "²": "$^2$",
    **{c: f"\\{c}" for c in "{}$&#_%"},
}  # fmt: skip


def latex(text: str) -> str:
    """Text as LaTeX sets it, in one line: no commands, no comments, no groups."""
    return "".join(_SPECIAL.get(c, c) for c in _one_line(text))


def _one_line(text: str) -> str:
    """Without line breaks of any kind and control characters: a comment ends where a line does."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", text).split())
