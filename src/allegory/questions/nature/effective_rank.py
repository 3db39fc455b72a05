"""How many directions do the codes use? RankMe (Garrido et al. 2023): exp of the entropy of the normalised singular values, not centred.

It reads no label. On the training part, as in the paper. Few directions (dimensional collapse) go with poor probes; many do not promise
good ones. See `measures.rank` for how Roy and Vetterli's definition on the covariance differs.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory import measures
from allegory.core import Paper
from allegory.questions import intervals
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.questions.telling import beside

WIDE = 512
TITLE = "RankMe: assessing the downstream performance of pretrained self-supervised representations by their rank"


@final
@dataclass(frozen=True)
class EffectiveRank(Question):
    """RankMe of at most `most` training items (2048 when the codes or a control have more than 1024 numbers)."""

    most: int = 8192

    card: ClassVar[QuestionCard] = QuestionCard(
        name="effective_rank", asks="How many directions do the codes use?",
        needs=(), better="depends", usual=True, cost="instant", bounds=(1.0, float("inf")),
        paper=Paper("Garrido et al.", TITLE, 2023, "https://arxiv.org/abs/2210.02885", "equation 1"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"RankMe, not centred, at most {self.most} training items"

    def size(self, features: Features) -> tuple[int, str]:
        return len(self.rows(features)), "train"

    def rows(self, features: Features) -> Int[Tensor, " n"]:
        """The items, the same for the method and every control: fewer when one of them is wide, as raw images are."""
        return evenly(features.parts["train"], self.most if features.widest <= 1024 else min(self.most, 2048))

    def missing(self, features: Features) -> str:
        return "" if len(features.parts["train"]) >= 32 else "effective_rank was not asked: the training part has fewer than 32 items"

    def words(self, scores: Scores) -> str:
        if (own := scores.get("effective_rank")) is None:
            return ""
        others = beside(scores, "effective_rank", ".0f", ("raw input", "pca", "untrained"))
        return (
            f"The codes use some {own.value:.0f} directions{others}. Very few are a sign of collapse; many do not promise that the codes "
            f"are of use."
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        rows = self.rows(features)
        value, without = ranks(subject.z[rows], groups=16 if min(len(rows), subject.z.shape[1]) <= WIDE else 5)
        return {"effective_rank": intervals.jackknife(value, without, features.seed)}


def ranks(z: Float[Tensor, "n z"], groups: int) -> tuple[float, Float[np.ndarray, " g"]]:
    """`measures.effective_rank(z)`, and its values without the items of each group (item i is in group i mod g).

    By the eigenvalues of z^T z, which are squared singular values: the matrix without a group is a difference of two.
    """
    z = z.double()
    group = torch.arange(len(z)) % groups
    if z.shape[1] > len(z):
        gram = z @ z.T
        return _rank(gram), np.array([_rank(gram[group != g][:, group != g]) for g in range(groups)])
    whole = z.T @ z
    return _rank(whole), np.array([_rank(whole - z[group == g].T @ z[group == g]) for g in range(groups)])


def _rank(gram: Float[Tensor, "r r"]) -> float:
    return float(measures.entropy_rank(torch.linalg.eigvalsh(gram).clamp_min(0.0).sqrt()))
