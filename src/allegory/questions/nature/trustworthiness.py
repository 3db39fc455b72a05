"""Do items keep their neighbours on the way from the data to the code? Trustworthiness and continuity (Venna and Kaski 2001, 2006).

Trustworthiness falls when items that are far apart in the data are neighbours in the code; continuity falls when neighbours in the data
are torn apart. `measures.neighbourhoods` has the formulas. Both are 1 when the k nearest are the same and about .5 when the code knows
nothing of the data. A high value says that the code keeps the distances of the data as they are, for images those of pixels; a code that
brings items together by what they mean must give some of it up, so the highest value is not the best code.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory.core import Paper
from allegory.measures import neighbourhoods
from allegory.questions import items, references, telling
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "Local multidimensional scaling"


@final
@dataclass(frozen=True)
class Trustworthiness(items.OnItems):
    """Both, for the `k` nearest in Euclidean distance of at most `most` test items."""

    k: int = 12

    fewest: ClassVar[int] = 48
    card: ClassVar[QuestionCard] = QuestionCard(
        name="trustworthiness", asks="Do items keep their neighbours on the way from the data to the code?",
        needs=(), better="depends", bounds=(0.0, 1.0), beside=("pca", "untrained", "supervised"),
        paper=Paper("Venna and Kaski", TITLE, 2006, "https://doi.org/10.1016/j.neunet.2006.05.014", "equations 1 and 2"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"the {self.k} nearest in Euclidean distance, raw input against code, at most {self.most} test items"

    def references(self, features: Features) -> dict[str, CodeSet]:
        return {references.NOISE: references.noise(features)}

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        rows = self.rows(features)
        x, z = items.observed(features, rows), subject.z[rows]
        return {
            "trustworthiness": items.of_mean(neighbourhoods.intrusion(x, z, self.k), features.seed),
            "continuity": items.of_mean(neighbourhoods.intrusion(z, x, self.k), features.seed),
        }

    def words(self, scores: Scores) -> str:
        kept, torn = scores.get("trustworthiness"), scores.get("continuity")
        if kept is None or torn is None:
            return ""
        others, back = (telling.beside(scores, metric, ".3f") for metric in ("trustworthiness", "continuity"))
        return (
            f"Neighbours in the code are neighbours in the data at {kept.value:.3f} of 1{others}, "
            f"and neighbours in the data stay neighbours in the code at {torn.value:.3f}{back}. "
            "1 keeps every neighbourhood of the raw data; a code that groups items by meaning gives some of it up."
        )
