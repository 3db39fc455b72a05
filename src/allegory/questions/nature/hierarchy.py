"""Are the codes arranged like a tree: groups within groups? How well a tree keeps their distances.

Average linkage joins the nearest groups until one is left; the height at which two items meet is their distance in the tree. The
cophenetic correlation (Sokal and Rohlf 1962) of tree and true distances is 1 when the codes are ultrametric, as the leaves of a
balanced tree are. Clusters of any kind raise it; normal codes have some .3 to .6, the fewer dimensions the more, so read it beside codes
that know nothing.
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

TITLE = "The comparison of dendrograms by objective methods"


@final
@dataclass(frozen=True)
class Hierarchy(items.OnItems):
    """Average linkage of at most `most` test items."""

    most: int = 512

    card: ClassVar[QuestionCard] = QuestionCard(
        name="hierarchy", asks="Are the codes arranged like a tree, groups within groups?", needs=(), better="depends", bounds=(-1.0, 1.0),
        paper=Paper("Sokal and Rohlf", TITLE, 1962, "https://doi.org/10.2307/1217208", "equation 1"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"cophenetic correlation of average linkage, Euclidean, at most {self.most} test items"

    def references(self, features: Features) -> dict[str, CodeSet]:
        return {references.NOISE: references.noise(features)}

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = subject.z[self.rows(features)]
        if float(z.double().std(0).max()) == 0.0:
            return items.unanswered(subject, "the code has collapsed to a single point")
        return {"cophenetic": items.halving(lambda rows: desiderata.cophenetic(z[rows]), len(z), features.seed)}

    def words(self, scores: Scores) -> str:
        own, floor = scores.get("cophenetic"), scores.get("cophenetic", references.NOISE)
        if own is None:
            return ""
        tree = floor is not None and own.low is not None and own.low > floor.value
        how = "more like a tree than codes that know nothing" if tree else "no more like a tree than codes that know nothing"
        others = telling.beside(scores, "cophenetic")
        return f"The codes are arranged {how}: a tree keeps their distances with correlation {own.value:.2f}{others}."
