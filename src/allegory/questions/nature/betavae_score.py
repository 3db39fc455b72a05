"""Is it told from the codes which factor was held still? The BetaVAE score (Higgins et al. 2017).

A logistic regression learns, from the mean absolute difference of the codes of 64 pairs of items, which factor the two of each pair share
(`measures.disentanglement.beta_vae`); the score is its accuracy on other batches. Chance is 1 over the number of factors. It is the most
generous of these measures: a rotation of the factors is often as good as the factors, so a high value says that the factors are there,
not that each has a number of its own.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory.core import Paper
from allegory.measures import disentanglement
from allegory.questions.nature import _held_still, _of_factors
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "beta-VAE: learning basic visual concepts with a constrained variational framework"


@final
@dataclass(frozen=True)
class BetaVAEScore(_held_still.OnHeldFactors):
    """From pairs of test items that share one factor."""

    found = staticmethod(disentanglement.beta_vae)
    card: ClassVar[QuestionCard] = QuestionCard(
        name="betavae_score", asks="Is it told from the codes which factor was held still?", needs=("factors",), better="higher",
        bounds=(0.0, 1.0), beside=_of_factors.BESIDE,
        paper=Paper("Higgins et al.", TITLE, 2017, "https://openreview.net/forum?id=Sy2fzU9gl", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"logistic regression (C = 1) on mean absolute differences of pairs with one factor equal, {self.drawing()}"

    def words(self, scores: Scores) -> str:
        return _of_factors.standing(scores, "accuracy", "How often a linear reader tells which factor two items share")
