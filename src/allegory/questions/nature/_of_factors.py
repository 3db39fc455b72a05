"""What the questions about single factors share: which items, their floor and ceiling, what correlated factors do, and the words.

Every one of them is asked of codes of noise and of the true factors as codes, on the same items by the same procedure: on few items, or
on a small grid, noise is above 0 and the truth below 1, each measure in its own way, so that a score says something only between the two.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from allegory.core import Problem
from allegory.measures.disentanglement import dependence
from allegory.measures.disentanglement.factored import TEST_POINTS, TRAIN_POINTS, Parts
from allegory.questions import items, references, telling
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.picture import Heat
from allegory.questions.score import Scores

BESIDE = ("pca", "untrained", "supervised")  # the raw input has too many numbers to be read one by one
CORRELATED = 0.1
UNCLEAR = 0.05  # where truth and noise are nearer than this, nothing is to be told


@dataclass(frozen=True)
class OnFactors(items.OnItems):
    """A question of at most `most` test items and their factors; of codes of at most `widest` numbers where that bounds its time."""

    most: int = TRAIN_POINTS

    fewest: ClassVar[int] = 100
    widest: ClassVar[int | None] = 128

    def references(self, features: Features) -> dict[str, CodeSet]:
        return references.floor_and_ceiling(features)

    def missing(self, features: Features) -> str:
        if reason := super().missing(features):
            return reason
        varying = sum(size > 1 for size in features.factors.sizes) if features.factors else 0
        return "" if varying > 1 else f"{self.card.name} was not asked: it takes at least two factors that vary, and there is {varying}"

    def remark(self, features: Features) -> str:
        """Of correlated factors the truth itself no longer scores as it should."""
        assert features.factors is not None, "asked with factors only"
        shared = np.nan_to_num(np.triu(dependence(self.values(features)), 1))
        i, j = np.unravel_index(shared.argmax(), shared.shape)
        if shared[i, j] < CORRELATED:
            return ""
        one, other = features.factors.names[i], features.factors.names[j]
        return (
            f"{self.card.name}: the factors {one} and {other} go together among these items (they share {shared[i, j]:.0%} of what there "
            "is to know), so a code of one tells of the other and even the true factors score below the top"
        )

    def values(self, features: Features) -> Int[np.ndarray, "n f"]:
        """The factors of the items, -1 where unknown."""
        assert features.factors is not None, "asked with factors only"
        return np.asarray(features.factors.values[self.rows(features).numpy()])

    def codes(self, subject: Subject, features: Features) -> Float[np.ndarray, "n z"]:
        """The codes of the items. Raises `Problem` for codes that are too wide."""
        return np.asarray(self._narrow(subject).z[self.rows(features)].double().numpy())

    def _narrow(self, subject: Subject) -> Subject:
        if self.widest is not None and subject.z.shape[1] > self.widest:
            raise Problem(f"it is asked of codes of at most {self.widest} numbers, and these have {subject.z.shape[1]}")
        return subject

    def heat(self, title: str, matrix: Float[np.ndarray, "z f"], columns: tuple[int, ...], features: Features, high: float = 1.0) -> Heat:
        """A picture of codes against factors."""
        assert features.factors is not None, "asked with factors only"
        rows = tuple(f"code {i + 1}" for i in range(len(matrix)))
        names = tuple(features.factors.names[j] for j in columns)
        return Heat(title, rows, names, tuple(tuple(float(v) for v in row) for row in matrix), 0.0, high)


@dataclass(frozen=True)
class Read:
    """Items to learn from and items to measure on, together: `values` (n, f), `codes` (n, z), `parts`: the places of each."""

    values: Int[np.ndarray, "n f"]
    codes: Float[np.ndarray, "n z"]
    parts: Parts

    @staticmethod
    def of(subject: Subject, features: Features, train: int = TRAIN_POINTS, test: int = TEST_POINTS) -> "Read":
        """At most `train` items of the training part and `test` of the test part."""
        assert features.factors is not None, "asked with factors only"
        of_train, of_test = evenly(features.parts["train"], train).numpy(), evenly(features.parts["test"], test).numpy()
        rows = np.concatenate([of_train, of_test])
        places = np.arange(len(rows))
        parts = (places[: len(of_train)], places[len(of_train) :])
        return Read(features.factors.values[rows], subject.z[rows].double().numpy(), parts)

    def without(self, group: int, groups: int) -> "Parts":
        """The places without the items whose number within their part is `group` modulo `groups`."""
        kept = [part[np.arange(len(part)) % groups != group] for part in self.parts]
        return kept[0], kept[1]

    def alone(self, group: int, groups: int) -> "Parts":
        """The places of a group alone."""
        kept = [part[np.arange(len(part)) % groups == group] for part in self.parts]
        return kept[0], kept[1]


def standing(scores: Scores, metric: str, what: str) -> str:
    """Where the method is between the floor and the ceiling, in one sentence; "" without them. `what` names the measure."""
    own, low, high = scores.get(metric), scores.get(metric, references.NOISE), scores.get(metric, references.TRUTH)
    if own is None:
        return ""
    said = f"{what} is {own.value:.2f}{telling.beside(scores, metric)}"
    if low is None or high is None:
        return f"{said}."
    room = high.value - low.value
    if room < UNCLEAR:
        return f"{said}: on these data this measure does not tell the true factors from noise, so the number says nothing."
    if own.low is not None and own.low <= low.value:
        return f"{said}: no better than codes that know nothing."
    share = (own.value - low.value) / room
    if share > 1.0:
        return f"{said}: above the true factors themselves, which this measure allows; it is not better than the truth."
    return f"{said}: {share:.0%} of the way from codes that know nothing to the true factors."
