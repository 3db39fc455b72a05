"""How near are the codes of two views of an item? E |f - f+|^2 on the unit sphere (Wang and Isola 2020).

It reads no label. The two views are the default augmentation of the data, the same for every method and control. Low values are easily
had by collapsed codes: read it beside `uniformity`.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch

from allegory import measures
from allegory.core import Paper
from allegory.questions import intervals
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.questions.telling import beside

GROUPS = 16
TITLE = "Understanding contrastive representation learning through alignment and uniformity on the hypersphere"


@final
@dataclass(frozen=True)
class Alignment(Question):
    """E |f - f+|^2 over two views of each of some test items."""

    card: ClassVar[QuestionCard] = QuestionCard(
        name="alignment", asks="How near are the codes of two views of an item?",
        needs=("pairs",), better="lower", usual=True, cost="instant", bounds=(0.0, 4.0),
        paper=Paper("Wang and Isola", TITLE, 2020, "https://arxiv.org/abs/2005.10242", "section 4.1"),
    )  # fmt: skip

    def settings(self) -> str:
        return "E |f - f+|^2 of codes on the unit sphere, two default views of test items"

    def size(self, features: Features) -> tuple[int, str]:
        return features.viewed, "test"

    def missing(self, features: Features) -> str:
        few = f"alignment was not asked: the test part has fewer than {2 * GROUPS} items"
        return super().missing(features) or ("" if features.viewed >= 2 * GROUPS else few)

    def words(self, scores: Scores) -> str:
        if (own := scores.get("alignment")) is None:
            return ""
        others = beside(scores, "alignment", ".2f", ("raw input", "pca", "untrained"))
        return (
            f"Two views of an item lie {own.value:.2f} apart, in squared distance on a sphere where two items taken at random lie about 2 "
            f"apart if the codes fill it{others}. Nothing but collapse reaches 0."
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        assert subject.pair is not None, "asked of sets with pairs only"
        f, positive = (measures.on_sphere(codes.double()) for codes in subject.pair)
        each = (f - positive).square().sum(1)
        group = torch.arange(len(each)) % GROUPS
        without = np.array([float(each[group != g].mean()) for g in range(GROUPS)])
        return {"alignment": intervals.jackknife(float(measures.alignment(f, positive)), without, features.seed)}
