"""Measures what methods claim on their cards, and appends one line a claim to a ledger.

  allegory bench                      every claim of every method
  allegory bench SimCLR BYOL
  allegory bench --again              also what this commit has measured already

A claim holds when the mean over its training seeds reaches what the card says. Exit code 1 when one does not. A bench that was stopped
goes on with the claims that are missing.
"""

import sys
from typing import Annotated

from cyclopts import Parameter

from allegory.cli.told import Json


def run(
    *names: Annotated[str, Parameter(name="NAME", help="methods (default: all)")],
    data_root: Annotated[str | None, Parameter(help="where the data of claims lie that do not come with allegory")] = None,
    ledger: Annotated[str, Parameter(help="the file to append to")] = "benchmarks/ledger.jsonl",
    again: Annotated[bool, Parameter(negative=(), help="measure what this commit has measured already")] = False,
    json: Json = False,
) -> int:
    """Measures and tells."""
    from pathlib import Path

    from allegory import methods
    from allegory.cli import claims, judge

    chosen = [methods.find(name) for name in names] or methods.classes()
    rows, here = [], claims.place()
    known = [] if again else claims.read(Path(ledger))
    for cls in chosen:
        for claim in cls.card.claims:
            row = claims.measured(known, cls, claim, here)
            if row is None:
                sys.stderr.write(f"{cls.__name__} on {claim.data}: {claim.question}, {claim.metric}, {claim.seeds} seeds\n")
                row = claims.measure(cls, claim, here, data_root)
                claims.append(Path(ledger), row)
            rows.append(row)
            if not json:
                print(claims.line(row), flush=True)
    if json:
        judge.show_json(rows)
    return 0 if all(row["value"] >= row["at_least"] for row in rows) else 1
