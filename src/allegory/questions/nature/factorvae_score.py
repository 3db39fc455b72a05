"""Does one number of the code stand still when one factor does? The FactorVAE score (Kim and Mnih 2018).

Of 64 items that share a value of one factor, the number of the code that varies least, in units of its variance, votes for that factor;
the score is the share of votes that agree with the majority of their number's (`measures.disentanglement.factor_vae`). Chance is about 1
over the number of factors. Numbers of the code with a standard deviation below .05 take no part, as published: a code in tiny units
scores 0. Several numbers may stand for one factor, and what else a number tells goes unnoticed.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory.core import Paper
from allegory.measures import disentanglement
from allegory.questions.nature import _held_still, _of_factors
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores


@final
@dataclass(frozen=True)
class FactorVAEScore(_held_still.OnHeldFactors):
    """From batches of test items that share the value of one factor."""

    found = staticmethod(disentanglement.factor_vae)
    card: ClassVar[QuestionCard] = QuestionCard(
        name="factorvae_score", asks="Does one number of the code stand still when one factor does?", needs=("factors",), better="higher",
        bounds=(0.0, 1.0), beside=_of_factors.BESIDE,
        paper=Paper("Kim and Mnih", "Disentangling by factorising", 2018, "https://arxiv.org/abs/1802.05983", "section 4"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"majority vote of the code of least relative variance, of those with standard deviation .05 or more, {self.drawing()}"

    def words(self, scores: Scores) -> str:
        return _of_factors.standing(scores, "accuracy", "How often the number of the code that stands still gives the factor away")
