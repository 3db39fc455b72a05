"""Does each number of the code tell of one factor only, and is every factor easily read? (Ridgeway and Mozer 2018)

Modularity = mean over the numbers of the code of 1 - (squared mutual information with the other factors) / (that with the best, times how
many others there are); explicitness = mean area under the ROC curve of a logistic regression, each value of each factor against the rest
(`measures.disentanglement.modularity`; .5 is chance). High modularity with low explicitness is a code that tells little, but of one thing
at a time. Noise has a modularity well above 0, and a rotation of the factors may have more than the factors themselves: read it between
noise and truth.
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


@final
@dataclass(frozen=True)
class ModularityScore(_of_factors.OnFactors):
    """Modularity of at most `most` test items; explicitness from 10,000 training items to 5,000 test items."""

    card: ClassVar[QuestionCard] = QuestionCard(
        name="modularity", asks="Does each number of the code tell of one factor only, and is every factor easily read?",
        needs=("factors",), better="higher", bounds=(0.0, 1.0), beside=_of_factors.BESIDE, gains=("modularity", "explicitness"),
        paper=Paper("Ridgeway and Mozer", "Learning deep disentangled embeddings with the F-statistic loss", 2018,
                    "https://arxiv.org/abs/1802.05312", "sections 3.1 and 3.2"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"modularity of squared mutual information, codes in 20 bins of equal width, at most {self.most} test items; explicitness by "
            "logistic regression (C = 1) on standardised codes of 10000 training items, one-vs-rest ROC AUC on 5000 test items; jackknife "
            "over test items"
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z, y = self.codes(subject, features), self.values(features)
        rng, read = np.random.default_rng([features.seed, 52]), _of_factors.Read.of(subject, features)
        modular = items.leaving_out(lambda kept: disentanglement.modularity(y[kept], z[kept], rng).score, len(z), features.seed)
        explicit = disentanglement.explicitness(read.values, read.codes, rng, read.parts)
        return {"modularity": modular, "explicitness": intervals.jackknife(explicit.score, explicit.without, features.seed)}

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        got = disentanglement.modularity(self.values(features), self.codes(subject, features), np.random.default_rng([features.seed, 52]))
        return (self.heat("Mutual information, nats", got.matrix, got.columns, features, high=float(max(got.matrix.max(), 1e-3))),)

    def words(self, scores: Scores) -> str:
        said = (
            ("modularity", "How far each number of the code keeps to one factor"),
            ("explicitness", "How surely a line tells each value"),
        )
        return " ".join(_of_factors.standing(scores, metric, what) for metric, what in said).strip()
