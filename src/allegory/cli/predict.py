"""Labels a pile of items with an adapted model, the items it is least sure of first: those are worth a look, or a label.

  allegory predict runs/photos pile/ -o predictions.csv            the model that adapt left in runs/photos/adapted
  allegory predict models/species pile/ -o predictions.parquet     any folder that adapt wrote
  allegory predict runs/table new.csv -o ages.csv --order source   a number comes with its 90 % interval

One row an item: row, id, path, the answer, its probability (or low and high), doubt, and p(CLASS) for each class. The pile may be of any
size. In a csv, texts that begin with = + - @ get an apostrophe in front, so that no spreadsheet runs them as a formula.
"""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from allegory.cli.told import DataOptions, Json, Overwrite


def run(
    model: Annotated[str, Parameter(help="the folder of a run that was adapted, or of an adapted model")],
    data: Annotated[str, Parameter(help="a name, a folder or a file, in the form that was learned from")],
    /,
    *,
    out: Annotated[str, Parameter(name=["--out", "-o"], help="a file that ends in .csv or .parquet")],
    order: Annotated[Literal["uncertain", "source"], Parameter(help="the least sure first, or as they come")] = "uncertain",
    options: DataOptions = None,
    batch: Annotated[int, Parameter(help="items at once")] = 1024,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Tells and writes."""
    from allegory.adapting import predictions
    from allegory.cli import judge, opened

    opened.free(out, overwrite)
    adapted = opened.adapted(model)
    source = opened.like(adapted.rep, data, options)
    root = data if Path(data).is_dir() else None
    done = predictions.write(adapted, source, out, order, root, batch)
    if json:
        told = {"kind": adapted.task.kind, "attribute": adapted.task.name, "names": list(adapted.task.names)}
        judge.show_json({"model": model, "data": source.name, "items": done.items, "file": out, "quoted": done.quoted, **told})
        return 0
    print(f"{adapted.task} of {done.items:,} items, {'the least sure first' if order == 'uncertain' else 'in their order'}: {out}")
    if done.quoted:
        print(f"{done.quoted:,} texts begin with = + - @ and got an apostrophe in front, so that no spreadsheet runs them")
    return 0
