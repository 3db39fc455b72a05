"""How far is the best number of the code ahead of the next in predicting each factor? SAP (Kumar et al. 2018).

The gap between the two best accuracies of a linear support vector machine on one number of the code alone, averaged over factors
(`measures.disentanglement.sap`). A line cuts one number in few places, so even the true factors get little where factors take many values:
their SAP, shown beside, is the top. The codes are taken in their own unit, as the published metric takes them.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from allegory.core import Paper
from allegory.measures import disentanglement
from allegory.questions import intervals, items
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.nature import _of_factors
from allegory.questions.picture import Picture
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "Variational inference of disentangled latent concepts from unlabeled observations"


@final
@dataclass(frozen=True)
class SAP(_of_factors.OnFactors):
    """From 10,000 training items to at most `most` test items."""

    most: int = 5000

    card: ClassVar[QuestionCard] = QuestionCard(
        name="sap", asks="How far is the best number of the code ahead of the next in predicting each factor?", needs=("factors",),
        better="higher", bounds=(0.0, 1.0), beside=_of_factors.BESIDE, gains=("sap",),
        paper=Paper("Kumar et al.", TITLE, 2018, "https://arxiv.org/abs/1711.00848", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            "gap of the two best test accuracies of a linear SVM (squared hinge, C = 0.01, balanced) on one code, 10000 training items, "
            f"at most {self.most} test items; jackknife over both"
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        got = self.score(subject, features)
        without = np.array([self.score(subject, features, group).score for group in range(items.GROUPS)])
        return {"sap": intervals.jackknife(got.score, without, features.seed)}

    def score(self, subject: Subject, features: Features, group: int | None = None) -> disentanglement.Gap:
        """SAP, without the items of a group if there is one."""
        read = _of_factors.Read.of(self._narrow(subject), features, test=self.most)
        parts = read.parts if group is None else read.without(group, items.GROUPS)
        return disentanglement.sap(read.values, read.codes, np.random.default_rng([features.seed, 53]), parts)

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        got = self.score(subject, features)
        return (self.heat("Accuracy of each number of the code alone", got.matrix, got.columns, features),)

    def words(self, scores: Scores) -> str:
        return _of_factors.standing(scores, "sap", "The lead of the best number of the code over the next in predicting a factor")
