"""Fills in what is missing in DATA from what is there, by a run whose method completes, and writes the whole.

  allegory learn table.csv --method VAE --out runs/table       empty cells are learned around
  allegory impute runs/table table.csv --out full.csv          only those cells are written, all else stays as it is
  allegory impute runs/table new_rows.csv --out full.csv       other rows with the same columns
  allegory impute runs/pictures holes.npy --out whole.npy      NaN pixels

A cell is missing where it is empty, NA, NaN, null or ?. Numbers come with six digits in the unit of their column, categories by name.
How good that is, beside the mean, nearest neighbours and PCA: allegory evaluate RUN --questions imputation.
"""

from typing import Annotated

from cyclopts import Parameter

from allegory.cli.told import DataOptions, Json, Overwrite, RunFolder


def run(
    run: RunFolder,
    data: Annotated[str, Parameter(help="a .csv, .tsv or .npy file")],
    /,
    *,
    out: Annotated[str, Parameter(name=["--out", "-o"], help="a file of the same kind")],
    seed: Annotated[int, Parameter(help="of what is drawn")] = 0,
    options: DataOptions = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Fills in and writes."""
    from allegory.cli import judge, opened
    from allegory.representation import imputed

    opened.free(out, overwrite)
    imputed.check_endings(data, out)
    rep = opened.representation(run)
    done = imputed.write(rep, opened.like(rep, data, ["missing=keep", *(options or [])]), data, out, seed)
    if json:
        judge.show_json({"run": run, "items": done.items, "filled": done.entries, "file": out})
    else:
        print(f"{done.entries:,} missing entries of {done.items:,} items filled in: {out}")
    return 0
