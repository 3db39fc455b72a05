"""How many directions tell items apart, beyond what changes from view to view? LiDAR (Thilak et al. 2024).

The rank of linear discriminant analysis with every item as a class and its views as members (`measures.lidar`). Where `effective_rank`
counts every direction in which codes vary, this counts those along which different items differ more than two views of one item do. It
reads no label, and in the paper follows the linear probe more closely than RankMe does; a code may still tell items apart by what no
label names.

Deviates: fewer items and views than the paper's 1,000 items of 50 views each.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch

from allegory import measures
from allegory.core import Dice, Paper
from allegory.measures.lidar import lidar
from allegory.questions import items, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "LiDAR: sensing linear probing performance in joint embedding SSL architectures"
BATCH = 256


@final
@dataclass(frozen=True)
class Lidar(items.OnItems):
    """Of `views` default views of each of at most `most` test items."""

    most: int = 512
    views: int = 10

    card: ClassVar[QuestionCard] = QuestionCard(
        name="lidar", asks="How many directions tell items apart, beyond what changes from view to view?",
        needs=("encode", "pairs"), better="depends", bounds=(1.0, float("inf")), beside=("untrained", "supervised"),
        paper=Paper("Thilak et al.", TITLE, 2024, "https://arxiv.org/abs/2312.04000", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"{self.views} default views of at most {self.most} test items, delta 1e-4 on codes of mean variance 1"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        assert subject.encoder is not None, "asked of encoders only"
        seen = []
        for rows in self.rows(features).split(BATCH):
            stored = features.stored(rows)
            number = torch.as_tensor(np.arange(len(features)) if features.rows is None else features.rows)[rows]
            pairs = [subject.encoder.pair(stored, Dice.roll(features.seed, i, number, "views")) for i in range(self.views // 2)]
            seen.append(torch.stack([z for pair in pairs if pair is not None for z in pair], 1))
        z = torch.cat(seen)
        groups = items.GROUPS if z.shape[2] <= 256 else 5
        return {
            "lidar": items.leaving_out(lambda rows: float(lidar(z[rows])), len(z), features.seed, groups),
            "rank_of_views": items.leaving_out(
                lambda rows: float(measures.effective_rank(z[rows].flatten(0, 1))), len(z), features.seed, 5
            ),
        }

    def words(self, scores: Scores) -> str:
        own, every = scores.get("lidar"), scores.get("rank_of_views")
        if own is None or every is None:
            return ""
        return (
            f"Of some {every.value:.0f} directions in which the codes of views vary, {own.value:.0f} tell items apart beyond what changes "
            f"from view to view{telling.beside(scores, 'lidar', '.0f')}."
        )
