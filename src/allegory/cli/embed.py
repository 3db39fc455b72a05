"""Writes the code of every item of DATA to a file, as a stream: the data may be of any size.

  allegory embed runs/photos new_photos/ --out codes.parquet     row, id, label, part, vector
  allegory embed runs/photos new_photos/ --out codes.npy         (n, z) float32, and codes.items.csv beside it

Pictures are brought to the size that was learned from, and the columns of a table are found by name.
`part` is train, validation or test, by an item's content or group: what a run learned from says train wherever it stands.
"""

from typing import Annotated

from cyclopts import Parameter

from allegory.cli.told import DataOptions, Json, Overwrite, RunFolder


def run(
    run: RunFolder,
    data: Annotated[str, Parameter(help="a name, a folder or a file")],
    /,
    *,
    out: Annotated[str, Parameter(help="a file that ends in .npy or .parquet")],
    labels: Annotated[str | None, Parameter(help="labels to write beside the codes, as for learn")] = None,
    options: DataOptions = None,
    batch: Annotated[int, Parameter(help="items at once")] = 1024,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Encodes and writes."""
    from allegory.cli import judge, opened
    from allegory.representation.embed import embed

    opened.free(out, overwrite)
    done, source = opened.run_and_data(run, data, labels, options)
    paths = [str(p) for p in embed(done.reps[0], source, out, batch)]
    if json:
        judge.show_json({"run": run, "data": source.name, "items": len(source), "files": paths})
    else:
        for what, path in zip((f"codes of {len(source):,} items", "their ids, labels and parts"), paths, strict=False):
            print(f"{what}: {path}")
    return 0
