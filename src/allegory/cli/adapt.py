"""Makes a model that labels, from a run and the labels that you have: reads the codes, tunes the network, keeps what works best.

  allegory adapt runs/photos --labels labels.csv            id or path, label; the rest of the pile may be unlabelled
  allegory adapt runs/photos new/ --labels folders --out models/species
  allegory adapt runs/table --labels age:continuous         any column: a class, several labels (a|b), a number
  allegory predict runs/photos pile/ -o predictions.csv     then labels the pile

Four readers are compared on items that they have not seen: a linear layer on the codes, the nearest class mean, the nearest labelled
items, and fine-tuning of the network; a linear layer on the raw input stands beside as the control. The best one is calibrated, so that
of the answers given with 90 % about 90 in 100 are right, and then measured on the test part, once. With few labels the readers are
compared by cross-validation; the table says which.

Writes OUT/model (complete in itself, no pickle), OUT/scores.json and OUT/report.html.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from allegory.cli.told import DataOptions, Json, Overwrite, RunFolder


def run(
    run: RunFolder,
    data: Annotated[str | None, Parameter(help="other data than it was learned on, with labels")] = None,
    /,
    *,
    labels: Annotated[
        str | None, Parameter(help='a csv of (id or path, label), a column, or "folders"; name:continuous says the kind')
    ] = None,
    attribute: Annotated[str | None, Parameter(help="which column, when the csv has several")] = None,
    readers: Annotated[str, Parameter(help="among linear, prototypes, neighbours, fine-tuning, with commas; or all")] = "all",
    options: DataOptions = None,
    seed: Annotated[int, Parameter(help="draws the folds, the batches and the resamplings")] = 0,
    out: Annotated[str | None, Parameter(help="a folder for the model and its page (default: RUN/adapted)")] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Chooses, calibrates, measures, writes, tells."""
    from allegory.adapting import choosing
    from allegory.cli import judge, opened
    from allegory.core import files
    from allegory.pages import adapted as pages

    folder = Path(out or Path(run) / "adapted")
    opened.free(str(folder), overwrite)
    names = None if readers == "all" else [name.strip() for name in readers.split(",") if name.strip()]
    choosing.chosen_names(names)
    rep, source, target = opened.run_and_target(run, data, labels, attribute, options)
    adapted = choosing.adapt(rep, source, target, names, seed)
    adapted.save(folder / "model")
    files.write_json(folder / "scores.json", adapted.facts)
    page = pages.write(folder / "report.html", adapted, source, target)
    if json:
        judge.show_json({"run": run, "model": str(folder / "model"), "report": str(page), **adapted.facts})
    else:
        print(f"{pages.text(adapted)}\n\nmodel: {folder}\npage: {page}")
        print(f"label a pile: allegory predict {folder} DATA -o predictions.csv")
    return 0
