"""Do the items of a class lie together, apart from those of other classes? The share of the spread that lies between classes.

    1 - [SS_within / (n - k)] / [SS_total / (n - 1)]

the adjusted R^2 of the classes for the code: 0 by chance, 1 when each class is a point. It needs no reader and no threshold. Low does not
mean unreadable: a linear probe ignores the directions that do not matter, and this counts them all.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from allegory.core import Paper
from allegory.measures import desiderata
from allegory.questions import items, references, telling
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "A dendrite method for cluster analysis"


@final
@dataclass(frozen=True)
class ClassSeparation(items.OnItems):
    """Of at most `most` labelled test items."""

    card: ClassVar[QuestionCard] = QuestionCard(
        name="class_separation", asks="Do the items of a class lie together, apart from other classes?", needs=("labels",), better="higher",
        bounds=(-1.0, 1.0), cost="instant", gains=("between",),
        paper=Paper("Calinski and Harabasz", TITLE, 1974, "https://doi.org/10.1080/03610927408827101", "section 2"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"adjusted share of the squared spread between classes, at most {self.most} labelled test items"

    def rows(self, features: Features) -> Tensor:
        return evenly(features.labelled(self.part), self.most)

    def references(self, features: Features) -> dict[str, CodeSet]:
        return {references.NOISE: references.noise(features)}

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        rows = self.rows(features)
        z, y = subject.z[rows], features.labels[rows]
        if len(y.unique()) < 2:
            return items.unanswered(subject, "the labelled test items are of one class only")
        if float(z.double().std(0).max()) == 0.0:
            return items.unanswered(subject, "the code has collapsed to a single point")
        return {"between": items.leaving_out(lambda kept: desiderata.between_classes(z[kept], y[kept]), len(rows), features.seed)}

    def words(self, scores: Scores) -> str:
        own = scores.get("between")
        if own is None:
            return ""
        how = "lie close together" if own.value > 0.5 else "lie somewhat together" if own.value > 0.2 else "are spread among others"
        others = telling.beside(scores, "between", ".0%")
        return f"The items of a class {how}: {own.value:.0%} of the spread of the codes lies between classes{others}."
