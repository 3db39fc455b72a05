"""Writes the code of every item of DATA to a file, as a stream: the data may be of any size.

  allegory embed runs/photos new_photos/ --out codes.parquet     row, id, label, vector
  allegory embed runs/photos new_photos/ --out codes.npy         (n, z) float32, and codes.items.csv beside it

Pictures are brought to the size that was learned from, and the columns of a table are found by name.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def run(
    run: Annotated[str, Parameter(help="the folder of a run")],
    data: Annotated[str, Parameter(help="a name, a folder or a file")],
    /,
    *,
    out: Annotated[str, Parameter(help="a file that ends in .npy or .parquet")],
    labels: Annotated[str | None, Parameter(help="labels to write beside the codes, as for learn")] = None,
    options: Annotated[list[str] | None, Parameter(name="--data", negative=(), help="an option of the data, as size=64")] = None,
    batch: Annotated[int, Parameter(help="items at once")] = 1024,
    overwrite: Annotated[bool, Parameter(negative=(), help="replace a file that is there")] = False,
    json: Annotated[bool, Parameter(negative=(), help="print one JSON document")] = False,
) -> int:
    """Encodes and writes."""
    from allegory.cli import judge, opened
    from allegory.core import Misuse
    from allegory.representation.embed import embed

    if Path(out).exists() and not overwrite:
        raise Misuse(f"{out} exists already; choose another --out, or replace it with --overwrite")
    done, source = opened.run_and_data(run, data, labels, options)
    paths = [str(p) for p in embed(done.reps[0], source, out, batch)]
    if json:
        judge.show_json({"run": run, "data": source.name, "items": len(source), "files": paths})
    else:
        print("\n".join(f"codes of {len(source):,} items: {p}" if i == 0 else f"their ids and labels: {p}" for i, p in enumerate(paths)))
    return 0
