"""Along how many directions do the codes vary? The participation ratio, and the entropy rank, of their covariance.

    participation ratio = (sum_i lambda_i)^2 / sum_i lambda_i^2,    covariance rank = exp(-sum_i p_i log p_i), p_i = lambda_i / sum lambda

lambda: the variances along the principal axes (codes centred). Both are 1 for a line and z when all z directions vary alike. Beside
`effective_rank` they show that "the effective rank" names several things: RankMe takes singular values of codes that are not centred, which
are square roots of variances, so weak directions count for more; the same formula on variances (Roy and Vetterli 2007 on the covariance)
gives a much smaller number. On one set of features the two are 106 and 46. Compare numbers of one definition only.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory import measures
from allegory.core import Paper
from allegory.data import Part
from allegory.questions import items, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "A theory of multineuronal dimensionality, dynamics and measurement"
WIDE = 512


@final
@dataclass(frozen=True)
class ParticipationRatio(items.OnItems):
    """Both, of at most `most` training items."""

    most: int = 1024

    part: ClassVar[Part] = "train"
    card: ClassVar[QuestionCard] = QuestionCard(
        name="participation_ratio", asks="Along how many directions do the codes vary?", needs=(), better="depends",
        bounds=(1.0, float("inf")), paper=Paper("Gao et al.", TITLE, 2017, "https://doi.org/10.1101/214262", "equation 5"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"variances along the principal axes of centred codes, at most {self.most} training items"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = subject.z[self.rows(features)].double()
        groups = items.GROUPS if min(z.shape) <= WIDE else 5
        found = {
            "participation_ratio": lambda rows: float(measures.participation_ratio(z[rows])),
            "covariance_rank": lambda rows: float(measures.entropy_rank(measures.spectrum(z[rows], centred=True).square())),
        }
        return {name: items.leaving_out(f, len(z), features.seed, groups) for name, f in found.items()}

    def words(self, scores: Scores) -> str:
        ratio, rank = scores.get("participation_ratio"), scores.get("covariance_rank")
        if ratio is None or rank is None:
            return ""
        return (
            f"The codes vary along some {ratio.value:.0f} directions{telling.beside(scores, 'participation_ratio', '.0f')}. "
            f"By the entropy of the same variances it is {rank.value:.0f}; the effective rank, RankMe, takes their square roots without "
            "centring and says another number still: compare one definition only."
        )
