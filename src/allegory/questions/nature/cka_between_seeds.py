"""Does training again, with another seed, give the same representation? Centred kernel alignment between the training seeds.

The mean, over pairs of training seeds, of the linear CKA of their codes (Kornblith et al. 2019), with the estimator that is 0 in
expectation for independent codes (`measures.kernel_alignment`; the usual one gives .2 for independent features of 32 items). 1: the same
code up to rotation, shift and one scale. Strong directions decide: two seeds that share one strong direction and nothing else come out
high, so a high value does not say that all that can be read from one can be read from the other.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from torch import Tensor

from allegory.core import Paper
from allegory.measures import kernel_alignment
from allegory.questions import items, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Heat, Picture
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "Similarity of neural network representations revisited"


@final
@dataclass(frozen=True)
class CkaBetweenSeeds(items.OnItems):
    """Of at most `most` test items."""

    card: ClassVar[QuestionCard] = QuestionCard(
        name="cka_between_seeds", asks="Does training again give the same representation?", needs=("several seeds",), better="depends",
        bounds=(-1.0, 1.0), beside=("untrained",),
        paper=Paper("Kornblith et al.", TITLE, 2019, "https://arxiv.org/abs/1905.00414", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"unbiased linear CKA, mean over the other training seeds, at most {self.most} test items"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        rows, seeds = self.rows(features), features.sets[subject.who].seeds
        others = [z[rows] for i, z in enumerate(seeds) if i != subject.seed]
        if not others:
            return {}
        own = subject.z[rows]
        if any(float(z.std(0).max()) == 0.0 for z in (own, *others)):
            return items.unanswered(subject, "the code of a training seed has collapsed to a single point")

        def alignment(kept: Tensor) -> float:
            return float(np.mean([kernel_alignment.cka(own[kept], z[kept]) for z in others]))

        return {"cka": items.leaving_out(alignment, len(rows), features.seed)}

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        rows, seeds = self.rows(features), features.sets[subject.who].seeds
        names = tuple(f"seed {i + 1}" for i in range(len(seeds)))
        values = tuple(tuple(kernel_alignment.cka(a[rows], b[rows]) for b in seeds) for a in seeds)
        return (Heat("CKA between training seeds", names, names, values),)

    def words(self, scores: Scores) -> str:
        own = scores.get("cka")
        if own is None:
            return ""
        same = "much the same" if own.value >= 0.9 else "a similar" if own.value >= 0.6 else "quite another"
        return (
            f"Another training seed gives {same} representation: their alignment is {own.value:.2f} of 1"
            f"{telling.beside(scores, 'cka')}; 0 would be chance."
        )
