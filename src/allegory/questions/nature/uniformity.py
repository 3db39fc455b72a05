"""How evenly do the codes cover the sphere? log E exp(-2 |f - g|^2) over pairs of items (Wang and Isola 2020).

It reads no label. Low values together with low `alignment` went with good representations; either alone is easily had (collapsed codes
align perfectly, random codes are uniform).
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory import measures
from allegory.core import Paper
from allegory.questions import intervals
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.questions.telling import beside

GROUPS = 16
TITLE = "Understanding contrastive representation learning through alignment and uniformity on the hypersphere"


@final
@dataclass(frozen=True)
class Uniformity(Question):
    """log E exp(-2 |f - g|^2) over pairs of at most `most` test items."""

    most: int = 2048

    card: ClassVar[QuestionCard] = QuestionCard(
        name="uniformity", asks="How evenly do the codes cover the sphere?",
        needs=(), better="lower", usual=True, cost="instant", bounds=(-8.0, 0.0),
        paper=Paper("Wang and Isola", TITLE, 2020, "https://arxiv.org/abs/2005.10242", "section 4.1"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"log E exp(-2 |f - g|^2) of codes on the unit sphere, at most {self.most} test items"

    def size(self, features: Features) -> tuple[int, str]:
        return len(evenly(features.parts["test"], self.most)), "test"

    def missing(self, features: Features) -> str:
        return (
            ""
            if len(features.parts["test"]) >= 2 * GROUPS
            else f"uniformity was not asked: the test part has fewer than {2 * GROUPS} items"
        )

    def words(self, scores: Scores) -> str:
        if (own := scores.get("uniformity")) is None:
            return ""
        others = beside(scores, "uniformity", ".2f", ("raw input", "pca", "untrained"))
        scale = "where 0 is all codes on one point and about -4 is codes spread evenly over a sphere of many directions"
        return f"{own.value:.2f}, {scale}{others}."

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        f = measures.on_sphere(subject.z[evenly(features.parts["test"], self.most)].double())
        value, without = log_mean_potential(f, GROUPS)
        return {"uniformity": intervals.jackknife(value, without, features.seed)}


def log_mean_potential(f: Float[Tensor, "n z"], groups: int) -> tuple[float, Float[np.ndarray, " g"]]:
    """`measures.uniformity(f)`, and its values without the items of each group (item i is in group i mod g)."""
    potential = torch.exp(-2.0 * (2.0 - 2.0 * f @ f.T).clamp_min(0.0)).fill_diagonal_(0.0)
    group = torch.nn.functional.one_hot(torch.arange(len(f)) % groups, groups).to(f.dtype)
    between = group.T @ potential @ group
    left = len(f) - group.sum(0)
    without = between.sum() - between.sum(0) - between.sum(1) + between.diagonal()
    value = torch.log(between.sum() / (len(f) * (len(f) - 1)))
    return float(value), torch.log(without / (left * (left - 1))).numpy()
