"""One number with its interval, and where it came from."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from allegory.questions.intervals import Evidence

FIELDS = ("question", "metric", "value", "low", "high", "n", "seeds", "split", "control", "protocol")


@dataclass(frozen=True)
class Score:
    """`value` with its 95 % interval [`low`, `high`] (None without one).

    `n`: items it was measured on; `seeds`: training seeds it is a mean of; `split`: the part of the data; `control`: None for the
    method itself, else "raw input", "pca", "untrained" or "supervised"; `protocol`: everything that must agree for two scores to be
    compared. `evidence` keeps the resampled values for paired intervals; it stays in memory and is not written.
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


class Scores(list[Score]):
    """A list of scores with `notes`: what was left out or could not be asked, and why, for people."""

    def __init__(self, scores: Iterable[Score] = (), notes: Iterable[str] = ()):
        super().__init__(scores)
        self.notes = tuple(dict.fromkeys(notes))

    def get(self, metric: str, control: str | None = None, question: str | None = None) -> Score | None:
        """The first score of a metric, of the method itself or of a control."""
        found = (s for s in self if s.metric == metric and s.control == control and question in (None, s.question))
        return next(found, None)

    def as_dicts(self) -> list[dict[str, Any]]:
        """The content of scores.json."""
        return [s.as_dict() for s in self]
