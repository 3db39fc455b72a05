"""Several runs in one table, on the terminal and as a page, a CSV, a Markdown or a LaTeX table.

  allegory compare runs/digits-SimCLR runs/digits-VAE
  allegory compare runs/* --out comparison.html
  allegory compare runs/* --metrics knn:accuracy,mig,dci --out table.tex
  allegory compare runs/* --by method --out table.csv

Any figures in the runs' scores.json can be columns: QUESTION:METRIC, or QUESTION for all of its metrics. Bold, on the terminal a star, is
what is best in its column or not significantly worse: by a sign-flip test over training seeds where --by method finds at least six of
them, else by the stored intervals. Where at least three lines have figures in at least five columns, Friedman's and Nemenyi's tests
(Demsar 2006) say whose mean ranks differ, and the page draws them.

Only figures of one protocol stand in one column; runs on other data have columns of their own, and a warning says where the same data was
asked in several ways.
"""

import sys
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from allegory.cli.told import Json, Overwrite, RunFolder

WHO, EACH = 40, 20  # characters for a name, and for a column


def run(
    run: RunFolder,
    /,
    *others: Annotated[str, Parameter(name="RUN", help="more of them")],
    metrics: Annotated[str, Parameter(help="the columns, with commas between them (default: few labels, all labels, kNN)")] = "",
    by: Annotated[
        Literal["run", "method"], Parameter(help="a line a run, or one for all runs of a method that differ in seed and data only")
    ] = "run",
    out: Annotated[str | None, Parameter(help="a file to write: .html, .csv, .md or .tex")] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Reads the scores, and tells."""
    from allegory import pages
    from allegory.cli import judge, opened
    from allegory.core import files
    from allegory.pages import comparison, tabled
    from allegory.runs import Run

    opened.free(out, overwrite)
    told = [Run.open(path).told for path in (run, *others)]
    table = comparison.table_of(told, [m.strip() for m in metrics.split(",") if m.strip()], by)
    if out:
        files.atomic_write(out, comparison.write(out, told, table))
    if json:
        judge.show_json({"runs": told, **tabled.as_dict(table), "winner": comparison.winner(table), "page": out})
        return 0
    if table:
        width = max(100, WHO + EACH * len(table.columns))  # a table that is wider than the terminal is better than names cut to letters
        print(pages.tables.drawn(table.board, width, rich=sys.stdout.isatty(), starred=table.best), end="")
    else:
        print(f"none of the usual figures is there; choose others with --metrics: {', '.join(_known(told))}")
    for text in filter(None, [comparison.winner(table), *tabled.notes_of(table)]):
        print(text)
    if out:
        print(f"{'page' if out.endswith('.html') else 'table'}: {out}")
    return 0


def _known(told: list[dict[str, Any]]) -> list[str]:
    """What the runs have figures of."""
    named = dict.fromkeys(f"{s['question']}:{s['metric']}" for run in told for s in run["scores"] if s["control"] is None)
    return list(named)[:20] or ["ask some first with allegory evaluate RUN"]
