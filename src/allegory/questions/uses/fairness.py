"""Does the prediction of one factor change when another one changes, which should be none of its business?

A reader (boosted trees) predicts a target factor from the codes; it never sees the sensitive factor s. Then s alone is set to each of its
values, on items that are alike otherwise, and the predictions are counted:

    unfairness = mean over c of TV(p(y^), p(y^ | do(s = c))),   TV(p, q) = 1/2 sum |p - q|

averaged over all pairs of a target and a sensitive factor (Locatello et al. 2019, section 4). 0: no prediction depends on s. **Low is
good.** It does not say that predictions are right: a code that knows nothing can be fair, as a reader that always gives one answer is.
Predictions from pure noise differ between values by chance, by some hundredths: the noise row is what 100 points a value cannot tell
from 0.

Deviates: the counterparts are looked up among the items of the data and not rendered, and the trees do not train on them (the paper's
code draws both from one pool); the default trees are histogram trees (`trees="plain"` are those of the paper). Where items are missing for
an intervention, the condition s = c stands in, and a note says so.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Float

from allegory.core import Paper
from allegory.measures import fairness, readers
from allegory.questions import intervals, references, telling
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Heat
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

GROUPS = 16


@final
@dataclass(frozen=True)
class Fairness(Question):
    """Trained on at most `train` items, tested on `points` items for each value of the sensitive factor; `trees`: "fast" or "plain"."""

    train: int = 10_000
    points: int = 100
    trees: Literal["fast", "plain"] = "fast"

    card: ClassVar[QuestionCard] = QuestionCard(
        name="fairness", asks="Do predictions change with a factor that should not matter?",
        needs=("factors",), better="lower", bounds=(0.0, 1.0), gains=("unfairness",), beside=("pca", "untrained", "supervised"),
        paper=Paper("Locatello et al.", "On the fairness of disentangled representations", 2019, "https://arxiv.org/abs/1905.13662",
                    "section 4"),
    )  # fmt: skip

    def settings(self) -> str:
        trees = readers.FAST if self.trees == "fast" else readers.PLAIN
        return (
            f"{trees} on at most {self.train} training items, none of them shown; do(s = c) on {self.points} test items a value, fewer on"
            " small grids; mean over all pairs"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return max(len(lists[0]) for lists, _ in self.shown(features).values()), "test"

    def references(self, features: Features) -> dict[str, CodeSet]:
        return references.floor_and_ceiling(features)

    def missing(self, features: Features) -> str:
        if reason := super().missing(features):
            return reason
        assert features.factors is not None, "the card needs them"
        if sum(size > 1 for size in features.factors.sizes) < 2:
            return "fairness was not asked: it takes two factors that vary"
        return "" if len(features.parts["test"]) >= 2 * GROUPS else f"fairness was not asked: fewer than {2 * GROUPS} test items"

    def remark(self, features: Features) -> str:
        assert features.factors is not None, "the card needs them"
        short = [features.factors.names[j] for j, (_, intervened) in self.shown(features).items() if not intervened]
        return (
            f"fairness: without counterparts for every value of {telling.listed(short)}, items that have the value stand in"
            if short
            else ""
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        table = self.table(subject, features)
        whole, without = table[0], table[1:]
        target, sensitive = np.unravel_index(np.nanargmax(whole), whole.shape)
        worst = table[:, target, sensitive]
        mean = intervals.jackknife(float(np.nanmean(whole)), np.nanmean(without, axis=(1, 2)), features.seed)
        return {
            "unfairness": mean,
            "unfairness_of_worst_pair": intervals.jackknife(float(worst[0]), worst[1:], features.seed),
        }

    def table(self, subject: Subject, features: Features) -> Float[np.ndarray, "g f f"]:
        """The unfairness of predicting each factor (rows) towards each other (columns); see `measures.fairness`."""
        factors = features.factors
        assert factors is not None, "the card needs them"
        train = np.random.default_rng([features.seed, 61]).permutation(features.parts["train"].numpy())
        reader = readers.fast_trees if self.trees == "fast" else readers.plain_trees
        shown = self.shown(features)
        return fairness.fairness(factors.values, factors.sizes, subject.z.numpy(), train, shown, reader, self.train, GROUPS)

    def shown(self, features: Features) -> dict[int, fairness.Exposed]:
        """The items whose predictions are counted, by sensitive factor."""
        factors = features.factors
        assert factors is not None, "the card needs them"
        base = np.random.default_rng([features.seed, 62]).permutation(features.parts["test"].numpy())
        return fairness.exposures(factors.values, factors.sizes, base, self.points)

    def pictures(self, subject: Subject, features: Features) -> tuple[Heat, ...]:
        assert features.factors is not None, "the card needs them"
        table = self.table(subject, features)[0]
        kept = [i for i, size in enumerate(features.factors.sizes) if size > 1]
        names = tuple(features.factors.names[i] for i in kept)
        values = tuple(tuple(map(float, row)) for row in table[np.ix_(kept, kept)])
        return (Heat("Unfairness of predicting (rows) towards (columns)", names, names, values),)

    def words(self, scores: Scores) -> str:
        own, worst = scores.get("unfairness"), scores.get("unfairness_of_worst_pair")
        if own is None or worst is None:
            return ""
        return (
            f"When one factor is changed and nothing else, {own.value:.0%} of the predictions of the others go elsewhere on average"
            f"{telling.beside(scores, 'unfairness', '.0%')}, and {worst.value:.0%} for the worst pair. 0 % would be fair; it would not mean"
            " that the predictions are right."
        )
