"""The table that the command line and the report print: the method and its controls by labels a class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from allegory.questions.controls import CONTROLS
from allegory.questions.score import Score


@dataclass(frozen=True)
class Row:
    """`control` is None for the method itself; `cells` by column: "1", "2", "4", "8" labels a class, "all", "knn", "effective rank"."""

    control: str | None
    cells: dict[str, Score]


def column(score: Score, metric: str) -> str | None:
    """The column of a score in the table of `metric`; None when it has none there."""
    if score.question == "effective_rank" and score.metric == "effective_rank":
        return "effective rank"
    if score.question == "few_labels" and score.metric.startswith(f"{metric}@"):
        return score.metric.removeprefix(f"{metric}@")
    if score.metric == metric:
        return {"linear_probe": "all", "knn": "knn"}.get(score.question)
    return None


def table(scores: Iterable[Score], metric: str = "accuracy") -> list[Row]:
    """Rows of the method and then of the controls, of those that were measured; `metric` may be balanced_accuracy."""
    cells: dict[str | None, dict[str, Score]] = {}
    for score in scores:
        if (name := column(score, metric)) is not None:
            cells.setdefault(score.control, {})[name] = score
    return [Row(who, cells[who]) for who in (None, *CONTROLS) if who in cells]


def columns(rows: Sequence[Row]) -> list[str]:
    """The columns that the rows have, in order."""
    found = {name for row in rows for name in row.cells}
    few = sorted((name for name in found if name.isdigit()), key=int)
    return [*few, *(name for name in ("all", "knn", "effective rank") if name in found)]
