"""Several runs in one table, and on one page.

  allegory compare runs/digits-SimCLR runs/digits-VAE
  allegory compare runs/* --out comparison.html

Only figures of one protocol on the same data can be compared; where they cannot, it says so.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from allegory.cli.told import Json, Overwrite, RunFolder


def run(
    run: RunFolder,
    /,
    *others: Annotated[str, Parameter(name="RUN", help="more of them")],
    out: Annotated[str | None, Parameter(help="a page to write, .html")] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Reads the scores, and tells."""
    from allegory import pages
    from allegory.cli import judge, opened
    from allegory.core import files
    from allegory.pages import comparison

    opened.free(out, overwrite)
    told = [_told(path) for path in (run, *others)]
    if out:
        files.atomic_write(out, pages.compare(told))
    found = comparison.runs_of(told)
    table = comparison.merged(found)
    if json:
        judge.show_json({"runs": told, "warnings": comparison.warnings(found), "winner": comparison.winner(found, table), "page": out})
        return 0
    if table:
        print(pages.tables.drawn(table, rich=sys.stdout.isatty()), end="")
    for text in filter(None, [comparison.winner(found, table), *comparison.warnings(found)]):
        print(text)
    if out:
        print(f"page: {out}")
    return 0


def _told(path: str) -> dict[str, Any]:
    """A run as the comparison reads it."""
    from allegory.runs import Run

    found = Run.open(path)
    own = (found if found.started else found.seeds[0]).config["method"]
    facts = found.facts
    data = facts.get("data") or {}
    parts = data.get("parts") or {}
    return {
        "name": Path(path).name, "method": own["is"], "scores": found.scores,
        "facts": {**facts, "data": data.get("name"), "fingerprint": data.get("fingerprint"), "items": parts.get("train")},
    }  # fmt: skip
