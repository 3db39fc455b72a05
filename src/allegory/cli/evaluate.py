"""Asks questions of a run's representation, on its own data or on other, and writes its scores and report anew.

  allegory evaluate runs/digits
  allegory evaluate runs/digits --questions few_labels,knn
  allegory evaluate runs/photos other_photos/ --labels folders

On its own data all questions rewrite RUN/scores.json, report.html and README.md; on other data nothing is written but with --out.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from allegory.cli.told import DataOptions, Json, RunFolder


def run(
    run: RunFolder,
    data: Annotated[str | None, Parameter(help="other data than it was learned on")] = None,
    /,
    *,
    questions: Annotated[str, Parameter(help="names with commas between them, or all")] = "all",
    labels: Annotated[str | None, Parameter(help='as for learn: "folders", a column, or a csv')] = None,
    options: DataOptions = None,
    seed: Annotated[int, Parameter(help="draws the labelled items and the resamplings")] = 0,
    out: Annotated[str | None, Parameter(help="a folder for scores.json, report.html and README.md (default: RUN)")] = None,
    json: Json = False,
) -> int:
    """Asks, writes, tells."""
    from allegory.cli import judge, opened

    subject, source = opened.run_and_data(run, data, labels, options)
    names = None if questions == "all" else [q.strip().replace("-", "_") for q in questions.split(",") if q.strip()]
    own = data is None and labels is None and not options and names is None
    target = Path(out) if out else subject.run.path if own else None
    scores = judge.ask(subject, source, names, seed)
    if target is not None:
        judge.write(subject, source, scores, target)
    judge.tell(subject, source, json, scores, target)
    return 0
