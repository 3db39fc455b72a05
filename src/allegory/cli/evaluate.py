"""Asks questions of a run's representation, on its own data or on other, and writes its scores and report anew.

  allegory evaluate runs/digits --questions all
  allegory evaluate runs/digits --questions few_labels,knn
  allegory evaluate runs/photos other_photos/ --labels folders
  allegory evaluate runs/digits --map umap                     the report's map by another method
  allegory evaluate runs/photos --questions transfer --suite tasks.yaml

On its own data the answers join those in RUN/scores.json, and report.html and README.md are written anew; on other data nothing is written
but with --out. Codes are kept in RUN/features, so that the next question is quick. `allegory show questions` lists what can be asked.
"""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from allegory.cli.told import DataOptions, Json, RunFolder


def run(
    run: RunFolder,
    data: Annotated[str | None, Parameter(help="other data than it was learned on")] = None,
    /,
    *,
    questions: Annotated[str, Parameter(help="names with commas between them, usual, or all")] = "usual",
    labels: Annotated[str | None, Parameter(help='as for learn: "folders", a column, or a csv')] = None,
    options: DataOptions = None,
    suite: Annotated[str | None, Parameter(help="a YAML file of tasks for the question transfer")] = None,
    seed: Annotated[int, Parameter(help="draws the labelled items and the resamplings")] = 0,
    out: Annotated[str | None, Parameter(help="a folder for scores.json, report.html and README.md (default: RUN)")] = None,
    map: Annotated[str, Parameter(help="of the codes in the report: neighbours, PCA, TSNE, UMAP ...")] = "neighbours",
    json: Json = False,
) -> int:
    """Asks, writes, tells."""
    from allegory.cli import judge, opened
    from allegory.pages import mapping

    mapping.chosen(map)  # refused before anything is asked

    subject, source = opened.run_and_data(run, data, labels, options)
    own = data is None and labels is None and not options
    target = Path(out) if out else subject.run.path if own else None
    scores = judge.ask(subject, source, _asked(questions, suite), seed)
    if target is not None:
        judge.write(subject, source, scores.over(subject.run.answers) if own and not out else scores, target, map)
    judge.tell(subject, source, json, scores, target)
    return 0


def _asked(questions: str, suite: str | None) -> Any:
    """What --questions and --suite say."""
    named: Any = questions if questions in ("usual", "all") else [q.strip() for q in questions.split(",") if q.strip()]
    if suite is None:
        return named
    from allegory.core import Misuse
    from allegory.questions.registry import chosen
    from allegory.questions.uses.transfer import Transfer

    found = [Transfer(suite=suite) if isinstance(q, Transfer) else q for q in chosen(named)]
    if not any(isinstance(q, Transfer) for q in found):
        raise Misuse("--suite is for the question transfer, which is not asked; add --questions transfer")
    return found
