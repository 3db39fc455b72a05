"""How much of the code's size is in use? Numbers that move at all, and directions that hold 95 % of the variance.

A code of 128 numbers of which 10 move is a code of 10 numbers; one whose variance lies in 5 directions needs little more than 5. Reads no
label: what varies little may still matter (see `compression` for how much of the code what is read from it takes).
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory.core import Paper
from allegory.data import Part
from allegory.measures import desiderata
from allegory.questions import items, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "Importance weighted autoencoders"


@final
@dataclass(frozen=True)
class Compactness(items.OnItems):
    """A number moves when its standard deviation exceeds `least` of the largest; `share` of the variance is to be held."""

    most: int = 2048
    least: float = 0.01
    share: float = 0.95

    part: ClassVar[Part] = "train"
    card: ClassVar[QuestionCard] = QuestionCard(
        name="compactness", asks="How much of the code's size is in use?", needs=(), better="depends",
        bounds=(0.0, float("inf")), cost="instant",
        beside=("pca", "untrained", "supervised"),
        paper=Paper("Burda et al.", TITLE, 2016, "https://arxiv.org/abs/1509.00519", "section 5.2"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"numbers whose standard deviation exceeds {self.least:g} of the largest; principal directions that hold {self.share:g} of the "
            f"variance; at most {self.most} training items"
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = subject.z[self.rows(features)]
        if float(z.double().std(0).max()) == 0.0:
            return items.unanswered(subject, "the code has collapsed to a single point")
        found = {
            "size": lambda _: float(z.shape[1]),
            "numbers_in_use": lambda rows: float(desiderata.moving(z[rows], self.least)),
            "directions": lambda rows: desiderata.directions(z[rows], self.share),
        }
        return {name: items.leaving_out(f, len(z), features.seed, 5) for name, f in found.items()}

    def words(self, scores: Scores) -> str:
        size, used, held = (scores.get(m) for m in ("size", "numbers_in_use", "directions"))
        if size is None or used is None or held is None:
            return ""
        return (
            f"Of {size.value:.0f} numbers {used.value:.0f} are in use, and {held.value:.0f} directions hold {self.share:.0%} of the "
            f"variance{telling.beside(scores, 'directions', '.0f')}."
        )
