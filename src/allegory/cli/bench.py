"""Measures what methods claim on their cards, and appends one line a claim to a ledger.

  allegory bench                      every claim of every method
  allegory bench SimCLR BYOL
  allegory bench --family pretext,contrastive,metric --data-root data
  allegory bench --again              also what this commit has measured already
  allegory bench --recorded           only what the ledger lacks; the newest row of any commit judges the others

A claim holds when the mean over its training seeds reaches what the card says. Exit code 1 when one does not. A bench that was stopped
goes on with the claims that are missing.
"""

import sys
from typing import Annotated

from cyclopts import Parameter

from allegory.cli.told import Json


def run(
    *names: Annotated[str, Parameter(name="NAME", help="methods (default: all)")],
    family: Annotated[str | None, Parameter(help="all methods of some families, joined by commas")] = None,
    data_root: Annotated[str | None, Parameter(help="where the data of claims lie that do not come with allegory")] = None,
    ledger: Annotated[str, Parameter(help="the file to append to")] = "benchmarks/ledger.jsonl",
    recorded: Annotated[bool, Parameter(negative=(), help="judge by what earlier commits have measured too")] = False,
    again: Annotated[bool, Parameter(negative=(), help="measure what this commit has measured already")] = False,
    json: Json = False,
) -> int:
    """Measures and tells."""
    from pathlib import Path

    from allegory import methods
    from allegory.cli import claims, judge

    chosen = [methods.find(name) for name in names] + (methods.of_families(family.split(",")) if family else []) or methods.classes()
    rows, here = [], claims.place()
    known = [] if again else claims.read(Path(ledger))
    for cls in chosen:
        for claim in cls.card.claims:
            row = claims.measured(known, cls, claim, here, recorded)
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
