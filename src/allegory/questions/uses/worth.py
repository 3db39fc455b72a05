"""What are the codes worth in labels? As good as how many times the labels of a control.

The method's codes reach some balanced accuracy with k labels a class (`few_labels`: 4, or fewer where the data have fewer). On the curve
of a control (at 1, 2, 4 ... labels a class, made monotone, straight between points over log k) is read off how many labels a class it needs
for the same. Twelve for four says: each label is worth three on these codes. It speaks of effort where accuracies speak of points, and does
not saturate where everything is near 1. Beyond the ends of the curve only a bound is known: the curve's first or last number of labels is
told, and the words say "at least" or "at most". Codes at chance have no worth, and none is told.

After the label efficiency of self-supervised codes (Hénaff et al. 2020, figure 1: "two to five times fewer labels").
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float

from allegory.core import Paper, Problem
from allegory.questions import intervals, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.questions.uses.few_labels import FewLabels

NUMBERS = 4e7  # labelled items x code numbers, up to which a curve goes


@final
@dataclass(frozen=True)
class Worth(Question):
    """`base`: labels a class whose accuracy on the method's codes is looked for on the curves of the others; `counts` of the curves."""

    base: int = 4
    counts: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    draws: int = 5

    card: ClassVar[QuestionCard] = QuestionCard(
        name="worth",
        asks="What are the codes worth in labels: as good as how many times the labels of a control?",
        needs=("labels",), better="depends", bounds=(0.0, float("inf")), beside=("raw input", "pca", "untrained"), gains=(),
        paper=Paper("Hénaff et al.", "Data-efficient image recognition with contrastive predictive coding", 2020,
                    "https://arxiv.org/abs/1905.09272", "figure 1"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"labels a class needed for the balanced accuracy of the method with {self.base} (or the most there are), on the curve over "
            f"{', '.join(map(str, self.counts))} labels a class as of few_labels with {self.draws} draws, linear over log labels"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(features.labelled("test")), "test"

    def curve(self, subject: Subject, features: Features) -> tuple[Float[np.ndarray, " k"], list[Evidence]]:
        """Labels a class, and the balanced accuracies."""
        asked = self._asked(features)
        found = asked.measure(subject, features)
        counts = asked.possible(features)
        return np.array(counts, dtype=np.float64), [found[f"balanced_accuracy@{k}"] for k in counts]

    def missing(self, features: Features) -> str:
        reason = super().missing(features)
        if not reason and len(self._asked(features).possible(features)) < 2:
            return f"worth was not asked: it takes two labelled training items of every class; {FewLabels(self.counts).remark(features)}"
        return reason

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        own = next(iter(features.sets[None].subjects(None)))
        base = self._base(features)
        if subject.who is None:
            self._above_chance(own, base, features)
            last = self._asked(features).possible(features)[-1]
            return {"labels_needed": _exactly(base), "longest_curve": _exactly(last)}
        aim = self._accuracy(own, base, features)
        counts, curve = self.curve(subject, features)
        value = needed(counts, np.array([[e.value for e in curve]]), np.array([aim.value]))
        replicates = needed(counts, np.stack([e.replicates for e in curve], 1), aim.replicates)
        return {"labels_needed": Evidence(value, replicates)}

    def _above_chance(self, own: Subject, base: int, features: Features) -> None:
        """Raises `Problem` when the codes tell no more than a guess, which any other codes reach without a label."""
        found, classes = self._accuracy(own, base, features), len(features.labels[features.labelled("test")].unique())
        low, _ = found.interval(0.0, 1.0)
        if low <= 1.0 / classes:
            raise Problem(
                f"with {base} labels a class the codes get {found.value:.2f} in balanced accuracy, which is no more than a guess "
                f"({1 / classes:.2f}), so there is nothing to buy with labels"
            )

    def _accuracy(self, subject: Subject, base: int, features: Features) -> Evidence:
        return FewLabels((base,), self.draws).measure(subject, features)[f"balanced_accuracy@{base}"]

    def _asked(self, features: Features) -> FewLabels:
        """Curves go on as long as all their labelled items are not too many to read."""
        width = max(z.shape[1] for codes in features.sets.values() for z in codes.seeds)
        affordable = max(2.0, NUMBERS / (width * max(1, features.classes) * self.draws))
        return FewLabels(tuple(k for k in self.counts if k <= affordable), self.draws)

    def _base(self, features: Features) -> int:
        return max(k for k in self._asked(features).possible(features) if k <= self.base)

    def words(self, scores: Scores) -> str:
        own, longest = scores.get("labels_needed"), scores.get("longest_curve")
        if own is None or longest is None:
            return ""
        said = []
        for s in scores:
            if s.control in telling.BESIDE and s.metric == "labels_needed":
                times, who = s.value / own.value, telling.BESIDE[s.control]
                bound = "at least " if s.value >= longest.value else "at most " if s.value <= self.counts[0] else ""
                said.append(f"{who} needs {bound}{s.value:.3g} labels a class for it, {times:.3g} times as many")
        return f"The codes reach their accuracy with {own.value:.0f} labels a class; {'; '.join(said)}." if said else ""


def _exactly(count: int) -> Evidence:
    """A number that no resampling moves."""
    return Evidence(np.array([float(count)]), np.full(intervals.REPLICATES, float(count)))


def needed(counts: Float[np.ndarray, " k"], curves: Float[np.ndarray, "r k"], aim: Float[np.ndarray, " r"]) -> Float[np.ndarray, " r"]:
    """The number of labels at which each curve, made monotone, first reaches the aim; the ends of `counts` where it does not, or always."""
    rising = np.maximum.accumulate(curves, 1)
    found = np.full(len(aim), counts[-1])
    for i in range(len(counts) - 1, 0, -1):
        low, high = rising[:, i - 1], rising[:, i]
        share = np.clip((aim - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
        between = np.exp(np.log(counts[i - 1]) * (1 - share) + np.log(counts[i]) * share)
        found = np.where(aim <= high, between, found)
    return np.where(aim <= rising[:, 0], counts[0], found)
