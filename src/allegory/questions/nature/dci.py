"""How purely do boosted trees read each factor from one number of the code, and each number for one factor? DCI (Eastwood, Williams 2018).

Disentanglement: does each number of the code matter for one factor only; completeness: does each factor need one number only;
informativeness: how often the factor is read rightly (`measures.disentanglement.dci` has the formulas). The importances are the summed
gains of histogram trees, a protocol of its own name; `trees="plain"` asks for those of the literature, which take minutes.

Fast beside plain, on 8,000 sprites with 10 codes (`python benchmarks/disentanglement.py --agree`; disentanglement, completeness,
informativeness, processor seconds):

| codes | fast | plain |
|---|---|---|
| the factors with noise | .912 .888 .789, 8 s | .909 .885 .794, 73 s |
| two pairs of factors turned by 20 degrees | .700 .745 .786, 8 s | .695 .740 .787, 74 s |
| beta-VAE, beta 1, 300 steps | .095 .077 .668, 8 s | .091 .073 .668, 69 s |
| beta-VAE, beta 4, 300 steps | .101 .083 .630, 8 s | .096 .080 .635, 65 s |
| beta-VAE, beta 8, 300 steps | .051 .043 .626, 7 s | .047 .042 .629, 66 s |

The mean difference is .004, .003 and .003.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from allegory.core import Paper
from allegory.measures import disentanglement
from allegory.questions import intervals
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.nature import _of_factors
from allegory.questions.picture import Picture
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

METRICS = ("disentanglement", "completeness", "informativeness")
GROUPS = 5
TITLE = "A framework for the quantitative evaluation of disentangled representations"


@final
@dataclass(frozen=True)
class DCI(_of_factors.OnFactors):
    """From 10,000 training items to at most `most` test items, by fast or plain `trees`."""

    most: int = 5000
    trees: Literal["fast", "plain"] = "fast"

    card: ClassVar[QuestionCard] = QuestionCard(
        name="dci", asks="How purely do trees read each factor from one number of the code, and each number for one factor?",
        needs=("factors",), better="higher", bounds=(0.0, 1.0), beside=_of_factors.BESIDE, cost="minutes", gains=METRICS,
        paper=Paper("Eastwood and Williams", TITLE, 2018, "https://openreview.net/forum?id=By-7dz-AZ", "section 2"),
    )  # fmt: skip

    def settings(self) -> str:
        how = "histogram trees, summed gain" if self.trees == "fast" else "gradient boosting, impurity"
        return (
            f"{self.trees} DCI ({how}; 100 rounds at 0.1, depth 3), 10000 training items, at most {self.most} test items; intervals from "
            f"{GROUPS} random groups"
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        whole, groups = self.score(subject, features), [self.score(subject, features, g) for g in range(GROUPS)]
        return {name: _of_groups(getattr(whole, name), [getattr(g, name) for g in groups], features.seed) for name in METRICS}

    def score(self, subject: Subject, features: Features, group: int | None = None) -> disentanglement.DCI:
        """DCI, of the items of a group alone if there is one."""
        read = _of_factors.Read.of(self._narrow(subject), features, test=self.most)
        parts = read.parts if group is None else read.alone(group, GROUPS)
        return disentanglement.dci(read.values, read.codes, np.random.default_rng([features.seed, 56]), parts, self.trees)

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        got = self.score(subject, features)
        return (self.heat("How much each number of the code matters to the reader of a factor", got.importance, got.columns, features),)

    def words(self, scores: Scores) -> str:
        said = (
            ("disentanglement", "How far each number of the code matters for one factor only"),
            ("completeness", "How far each factor is in one number only"),
            ("informativeness", "How often trees read a factor rightly"),
        )
        return " ".join(_of_factors.standing(scores, metric, what) for metric, what in said).strip()


def _of_groups(value: float, alone: list[float], seed: int) -> Evidence:
    """The evidence from values on g disjoint groups alone, whose spread over sqrt(g) is that of the whole (random groups: Wolter 2007,
    chapter 2). A jackknife would fit the trees to nearly all items g times. Leaving a group out moves a mean by the same, over g - 1."""
    each = np.array(alone)
    return intervals.jackknife(value, value - (each - each.mean()) / (len(each) - 1), seed)
