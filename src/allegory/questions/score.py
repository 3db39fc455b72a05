"""One number with its interval, and where it came from."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from allegory.core import plain
from allegory.questions.intervals import Evidence
from allegory.questions.picture import PICTURES, Picture

FIELDS = ("question", "metric", "value", "low", "high", "n", "seeds", "split", "control", "protocol")


@dataclass(frozen=True)
class Score:
    """`value` with its 95 % interval [`low`, `high`] (None without one).

    `n`: items it was measured on; `seeds`: training seeds it is a mean of; `split`: the part of the data; `control`: None for the
    method itself, a control ("raw input", "pca", "hand-made", "untrained", "supervised"), or what the question brings to compare with
    ("noise", "truth" ...); `protocol`: everything that must agree for two scores to be compared. `evidence` keeps the resampled values
    for paired intervals; it stays in memory and is not written.
    """

    question: str
    metric: str
    value: float
    low: float | None
    high: float | None
    n: int
    seeds: int
    split: str
    control: str | None
    protocol: str
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """The JSON values that scores.json holds; a number that is not finite becomes None."""
        row = {name: getattr(self, name) for name in FIELDS}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}

    @staticmethod
    def from_dict(row: Mapping[str, Any]) -> "Score":
        """A row of scores.json, without its evidence; a missing value becomes NaN."""
        known: dict[str, Any] = {name: row.get(name) for name in FIELDS}
        return Score(**{**known, "value": math.nan if known["value"] is None else float(known["value"])})


class Scores(list[Score]):
    """A list of scores with `notes` (what was left out or could not be asked, and why, for people) and `pictures` by question."""

    def __init__(self, scores: Iterable[Score] = (), notes: Iterable[str] = (), pictures: Mapping[str, Iterable[Picture]] | None = None):
        super().__init__(scores)
        self.notes = tuple(dict.fromkeys(notes))
        self.pictures = {name: tuple(shown) for name, shown in (pictures or {}).items()}

    def get(self, metric: str, control: str | None = None, question: str | None = None) -> Score | None:
        """The first score of a metric, of the method itself or of a control."""
        found = (s for s in self if s.metric == metric and s.control == control and question in (None, s.question))
        return next(found, None)

    def of(self, question: str) -> "Scores":
        """The scores and pictures of one question."""
        return Scores((s for s in self if s.question == question), (), {question: self.pictures.get(question, ())})

    def as_dicts(self) -> list[dict[str, Any]]:
        """The content of scores.json."""
        return [s.as_dict() for s in self]

    def details(self) -> dict[str, Any]:
        """The content of details.json: the notes, and the pictures by question."""
        return {"notes": list(self.notes), "pictures": {name: plain.plain(shown) for name, shown in self.pictures.items() if shown}}

    @staticmethod
    def read(rows: Iterable[Mapping[str, Any]], details: Mapping[str, Any] | None = None) -> "Scores":
        """From the contents of scores.json and details.json."""
        details = details or {}
        pictures = plain.restore(details.get("pictures", {}), PICTURES, dict[str, tuple[Picture, ...]], "pictures")
        return Scores([Score.from_dict(row) for row in rows], [str(note) for note in details.get("notes", ())], pictures)

    def over(self, older: "Scores") -> "Scores":
        """These answers, and the older ones to questions that were not asked now."""
        asked = {s.question for s in self}
        notes = [note for note in older.notes if note.split(" ", 1)[0].rstrip(":") not in asked]
        return Scores([*(s for s in older if s.question not in asked), *self], [*notes, *self.notes], {**older.pictures, **self.pictures})
