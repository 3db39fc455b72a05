"""Does each item use few of the numbers of the code? Hoyer's sparseness (Hoyer 2004).

    (sqrt d - |z|_1 / |z|_2) / (sqrt d - 1)

of each code, averaged: 0 when all d numbers are equally large, 1 when all but one are 0. It belongs to the axes (a rotation changes it) and
to the origin (a shift does); normal codes have about .2 whatever they know. A sparse code is easier to read number by number; sparseness
alone says nothing of whether the numbers mean anything.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory.core import Paper
from allegory.measures import desiderata
from allegory.questions import items, references, telling
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "Non-negative matrix factorization with sparseness constraints"


@final
@dataclass(frozen=True)
class Sparsity(items.OnItems):
    """Of at most `most` test items; codes of zeros are left out."""

    card: ClassVar[QuestionCard] = QuestionCard(
        name="sparsity", asks="Does each item use few of the numbers of the code?", needs=(), better="depends",
        bounds=(0.0, 1.0), cost="instant",
        paper=Paper("Hoyer", TITLE, 2004, "https://www.jmlr.org/papers/v5/hoyer04a.html", "section 3.1"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"Hoyer's sparseness, not centred, at most {self.most} test items"

    def references(self, features: Features) -> dict[str, CodeSet]:
        return {references.NOISE: references.noise(features)}

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = subject.z[self.rows(features)]
        if z.shape[1] < 2:
            return items.unanswered(subject, "a code of one number is neither sparse nor dense")
        each = desiderata.hoyer(z)
        if bool(each.isnan().all()):
            return items.unanswered(subject, "all codes are zero")
        return {"hoyer": items.of_mean(each.nan_to_num(1.0), features.seed)}

    def words(self, scores: Scores) -> str:
        own, floor = scores.get("hoyer"), scores.get("hoyer", references.NOISE)
        if own is None:
            return ""
        more = floor is not None and own.value > floor.value + 0.1
        first = (
            "Each item uses few of the numbers"
            if own.value > 0.6
            else "Items lean on some of the numbers"
            if more
            else "All numbers are in use"
        )
        return f"{first}: sparseness {own.value:.2f} of 1{telling.beside(scores, 'hoyer')}."
