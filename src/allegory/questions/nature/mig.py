"""Is each factor told by one number of the code alone? The mutual information gap (Chen et al. 2018).

MIG = mean over factors of (I(z_(1); v) - I(z_(2); v)) / H(v), between the two numbers of the code that tell most of factor v, each in 20
bins of equal width (`measures.disentanglement.mig`). High: every factor has a number of its own. Low may mean that the factors are
missing, that each is spread over several numbers, or that two numbers tell the same; a rotation of the true factors is low. On few items
bins tell something by chance, and on small grids the truth stays below 1: read it between noise and truth.
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


@final
@dataclass(frozen=True)
class MIG(_of_factors.OnFactors):
    """Of at most `most` test items."""

    widest: ClassVar[int | None] = None
    card: ClassVar[QuestionCard] = QuestionCard(
        name="mig", asks="Is each factor told by one number of the code alone?", needs=("factors",), better="higher", bounds=(0.0, 1.0),
        beside=_of_factors.BESIDE, gains=("mig",),
        paper=Paper("Chen et al.", "Isolating sources of disentanglement in variational autoencoders", 2018,
                    "https://arxiv.org/abs/1802.04942", "equation 6"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"gap of the two largest I(z_i; v) / H(v), codes in 20 equal bins, at most {self.most} test items, jackknife over items"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z, y = self.codes(subject, features), self.values(features)
        rng = np.random.default_rng([features.seed, 51])
        return {"mig": items.leaving_out(lambda kept: disentanglement.mig(y[kept], z[kept], rng).score, len(z), features.seed)}

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        got = disentanglement.mig(self.values(features), self.codes(subject, features), np.random.default_rng([features.seed, 51]))
        return (self.heat("What each number of the code tells of each factor", got.matrix, got.columns, features),)

    def words(self, scores: Scores) -> str:
        return _of_factors.standing(scores, "mig", "The gap between the number of the code that tells most of a factor and the next")
