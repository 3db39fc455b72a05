"""Does each number of the code stay where it is when every factor but one changes? The interventional robustness score (Suter et al. 2019).

For each number of the code: 1 - (how far it moves among items that share a value of its factor, 99th percentile) / (how far it moves at
most), for the factor that serves it best; averaged over the numbers of the code by how far they move (`measures.disentanglement.irs`).
High: other factors do not disturb. It does not ask that every factor be there: a code of one factor alone, many times over, has 1.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from allegory.core import Paper
from allegory.measures import disentanglement
from allegory.questions import items
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.nature import _of_factors
from allegory.questions.picture import Picture
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "Robustly disentangled causal mechanisms: validating deep representations for interventional robustness"


@final
@dataclass(frozen=True)
class IRS(_of_factors.OnFactors):
    """Of at most `most` test items."""

    widest: ClassVar[int | None] = None
    card: ClassVar[QuestionCard] = QuestionCard(
        name="irs", asks="Does each number of the code stay where it is when every factor but one changes?", needs=("factors",),
        better="higher", bounds=(0.0, 1.0), beside=_of_factors.BESIDE, gains=("irs",),
        paper=Paper("Suter et al.", TITLE, 2019, "https://arxiv.org/abs/1811.00007", "section 4"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"99th percentile of deviations, factors in 20 bins of equal width, at most {self.most} test items, jackknife over items"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z, y = self.codes(subject, features), self.values(features)
        rng = np.random.default_rng([features.seed, 54])
        return {"irs": items.leaving_out(lambda kept: disentanglement.irs(y[kept], z[kept], rng).score, len(z), features.seed)}

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        got = disentanglement.irs(self.values(features), self.codes(subject, features), np.random.default_rng([features.seed, 54]))
        matrix = np.zeros((subject.z.shape[1], len(got.columns)))
        matrix[got.active] = got.matrix
        return (self.heat("How still each number of the code stands while a factor does", matrix, got.columns, features),)

    def words(self, scores: Scores) -> str:
        return _of_factors.standing(scores, "irs", "How little the other factors disturb each number of the code")
