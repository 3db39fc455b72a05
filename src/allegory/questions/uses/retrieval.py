r"""Are the items most like a given one of its class? Every test item is a query against all the others.

**R@1** (precision at 1) is the share of queries whose nearest item is of their class; **R-precision** the share of their class among
the R nearest, with R the number of other items of the class; **MAP@R** $= \frac{1}{R} \sum_{i \le R} P(i)\,r_i$ also minds the order,
with $r_i$ 1 where the i-th nearest is of the class, and $P(i)$ the precision among the i nearest (Musgrave et al. 2020, section 3.2).

**What it says.** R@1 is kind: one right neighbour is enough, and overlapping classes with dense cores reach 99 %. MAP@R is 1 only when
every class lies together and apart from all others. Neither says that a classifier would fail: a class in two clumps has a low MAP@R.

**The interval** leaves groups of items out, as queries and as answers at once.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory import measures
from allegory.core import Paper
from allegory.measures.retrieval import retrieval
from allegory.questions import intervals, references
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

GROUPS = 10
METRICS = ("r_at_1", "r_precision", "map_at_r")
EXACT = 1 << 22  # up to this many pairs of items the distances are float64


@final
@dataclass(frozen=True)
class Retrieval(Question):
    """R@1, R-precision and MAP@R of at most `most` labelled test items among each other."""

    most: int = 4096

    card: ClassVar[QuestionCard] = QuestionCard(
        name="retrieval", asks="Are the items most like a given one of its class?",
        needs=("labels",), better="higher", bounds=(0.0, 1.0), gains=("map_at_r", "r_at_1"),
        paper=Paper("Musgrave et al.", "A metric learning reality check", 2020, "https://arxiv.org/abs/2003.08505", "section 3.2"),
    )  # fmt: skip

    def settings(self) -> str:
        # Deviates: centred by the training part first, as for kNN: raw pixels, whose zero means nothing, are a stronger control so.
        return f"cosine of codes centred by the training part, at most {self.most} labelled test items among each other, R by class"

    def rows(self, features: Features) -> Int[Tensor, " n"]:
        return evenly(features.labelled("test"), self.most)

    def size(self, features: Features) -> tuple[int, str]:
        return int(self._with_answer(features).sum()), "test"

    def missing(self, features: Features) -> str:
        if reason := super().missing(features):
            return reason
        y = features.labels[self.rows(features)]
        few = [f"group {g}" for g in range(GROUPS) if _others(y[_outside(len(y), g)]).max(initial=0) == 0]
        return f"{self.card.name} was not asked: too few test items share a class with another" if few else ""

    def remark(self, features: Features) -> str:
        alone = int((~self._with_answer(features)).sum())
        return f"{self.card.name}: {alone} test items are alone in their class; they are no queries" if alone else ""

    def _with_answer(self, features: Features) -> Tensor:
        return torch.as_tensor(_others(features.labels[self.rows(features)]) > 0)

    def references(self, features: Features) -> dict[str, CodeSet]:
        return {references.NOISE: references.noise(features)}

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        rows = self.rows(features)
        z = measures.on_sphere(subject.z[rows] - subject.z[features.parts["train"]].mean(0))
        y = features.labels[rows]
        z = z.double() if len(y) ** 2 <= EXACT else z
        value = scores(z, y)
        without = np.stack([scores(z[kept], y[kept]) for g in range(GROUPS) for kept in (_outside(len(y), g),)])
        return {m: intervals.jackknife(float(value[i]), without[:, i], features.seed) for i, m in enumerate(METRICS)}

    def words(self, scores: Scores) -> str:
        first, order = scores.get("r_at_1"), scores.get("map_at_r")
        if first is None or order is None:
            return ""
        text = (
            f"The most similar other item is of the same class for {first.value:.0%} of the test items. Of a whole class, retrieval in "
            f"order of similarity earns {order.value:.0%} of what a perfect order would (MAP@R)"
        )
        floor, raw = scores.get("map_at_r", references.NOISE), scores.get("map_at_r", "raw input")
        beside = [f"{s.value:.0%} {what}" for s, what in ((floor, "with codes that know nothing"), (raw, "with the raw input")) if s]
        return text + (f"; it is {' and '.join(beside)}." if beside else ".")


def scores(z: Float[Tensor, "n z"], y: Int[Tensor, " n"]) -> Float[np.ndarray, "3"]:
    """R@1, R-precision and MAP@R, means over the items that are not alone in their class."""
    found = retrieval(z, y)
    return np.array([float(column.nanmean()) for column in (found.first, found.r_precision, found.map_at_r)])


def _others(y: Int[Tensor, " n"]) -> Int[np.ndarray, " n"]:
    """How many other items each item's class has."""
    return (torch.bincount(y)[y] - 1).numpy()


def _outside(n: int, g: int) -> Tensor:
    return torch.arange(n) % GROUPS != g
