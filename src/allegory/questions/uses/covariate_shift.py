"""Does what was learned at some values of a factor still hold at its other values?

A reader of a target factor is trained where another factor s has some of its values only, and tested where s has the others. Beside it
stands a reader trained on as many items with all values of s, tested on the same items, so that nothing but the shift tells them apart:

    drop = accuracy(trained on all values) - accuracy(trained on some),   averaged over all pairs of a target and s

A code that keeps factors apart lets a reader ignore s, and the drop is small. After the strong generalisation task of Locatello et al.
(2020, section 5). A small drop with a low accuracy says only that there was little to lose.

Deviates: the paper trains at one single value of s; here half of the values, drawn once a pair, so that few items do not decide.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Bool, Int

from allegory.core import Paper
from allegory.measures import shift
from allegory.measures.readers import FAST, Classes, Codes, Predictor, Reader, fast_trees
from allegory.questions import intervals, logistic, references, telling
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

GROUPS = 16


@final
@dataclass(frozen=True)
class CovariateShift(Question):
    """Trained on at most `train` items with a `share` of the values of the shifted factor, tested on at most `test` items."""

    train: int = 2000
    test: int = 4000
    share: float = 0.5

    card: ClassVar[QuestionCard] = QuestionCard(
        name="covariate_shift", asks="Does what is read at some values of a factor still hold at its other values?",
        needs=("factors",), better="higher", bounds=(-1.0, 1.0), beside=("pca", "untrained", "supervised"), cost="minutes",
        paper=Paper("Locatello et al.", "Weakly-supervised disentanglement without compromises", 2020, "https://arxiv.org/abs/2002.02886",
                    "section 5"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"trained on at most {self.train} training items with {self.share:g} of the values of one factor, or with all; tested on its "
            f"other values, of {self.test} test items; linear: logistic regression of strength 1 on standardised codes; trees: {FAST}; mean"
            " over pairs"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return min(self.test, len(features.parts["test"])), "test"

    def references(self, features: Features) -> dict[str, CodeSet]:
        return references.floor_and_ceiling(features)

    def missing(self, features: Features) -> str:
        if reason := super().missing(features):
            return reason
        assert features.factors is not None, "the card needs them"
        if sum(size > 1 for size in features.factors.sizes) < 2:
            return "covariate_shift was not asked: it takes two factors that vary"
        fewest = min(len(features.parts[part]) for part in ("train", "test"))
        return "" if fewest >= 4 * GROUPS else f"covariate_shift was not asked: fewer than {4 * GROUPS} training or test items"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = subject.z.numpy()
        found: dict[str, list[list[float]]] = {}
        for y, split in self.splits(features):
            for name, reader in READERS.items():
                shifted, mixed = shift.hits(z, y, split, reader)
                for metric, values in ((f"accuracy_under_shift@{name}", shifted), (f"drop@{name}", mixed.astype(float) - shifted)):
                    found.setdefault(metric, []).append(left_out(values, split.unseen))
        if not found:
            return {}
        means = {metric: np.mean(values, axis=0) for metric, values in found.items()}
        return {metric: intervals.jackknife(float(each[0]), each[1:], features.seed) for metric, each in means.items()}

    def splits(self, features: Features) -> Iterator[tuple[Int[np.ndarray, " n"], shift.Shift]]:
        """The values of the target factor and the split, for every pair of factors; pairs with too few items are passed over."""
        factors = features.factors
        assert factors is not None, "the card needs them"
        train, test = (features.parts[part].numpy() for part in ("train", "test"))
        varied = [i for i, size in enumerate(factors.sizes) if size > 1]
        test = np.random.default_rng([features.seed, 63]).permutation(test)[: self.test]
        for shifted in varied:
            rng = np.random.default_rng([features.seed, 64, shifted])
            split = shift.split(factors.values[:, shifted], factors.sizes[shifted], train, test, self.share, rng, self.train)
            if len(split.seen) and len(split.unseen) >= GROUPS:
                yield from ((factors.values[:, target], split) for target in varied if target != shifted)

    def words(self, scores: Scores) -> str:
        told = [(name, scores.get(f"accuracy_under_shift@{name}"), scores.get(f"drop@{name}")) for name in READERS]
        said = [f"{a.value:.0%} right, {d.value:z.0%} lost to the shift ({name} reader)" for name, a, d in told if a and d]
        if not said:
            return ""
        others = telling.beside(scores, "drop@linear", "z.0%", ("pca", "untrained", references.TRUTH, references.NOISE))
        lost = f" For comparison, lost by the linear reader{others}." if others else ""
        return f"Read where one factor has half of its values, tested where it has the others: {telling.listed(said)}.{lost}"


def linear(z: Codes, y: Classes) -> Predictor:
    """Logistic regression of strength 1 on codes standardised by the items that it is fitted on."""
    mean, std = z.mean(0), z.std(0)
    scale = np.where(std > 1e-6 * np.abs(mean) + 1e-12, 1.0 / np.maximum(std, 1e-12), 0.0)
    classes, numbers = np.unique(y, return_inverse=True)
    known = torch.as_tensor((z - mean) * scale, dtype=torch.float64)[None]
    found = logistic.fit(known, torch.as_tensor(numbers)[None], len(classes), tolerance=1e-4)

    def predict(new: Codes) -> Classes:
        logits = found.logits(torch.as_tensor((new - mean) * scale, dtype=torch.float64))[0]
        return np.asarray(classes[logits.argmax(1).numpy()])

    return predict


READERS: dict[str, Reader] = {"linear": linear, "trees": fast_trees}


def left_out(values: Bool[np.ndarray, " m"] | np.ndarray, items: Int[np.ndarray, " m"]) -> list[float]:
    """The mean of values of items, and those without each group (item i is in group i mod g)."""
    values, group = values.astype(float), items % GROUPS
    return [float(values.mean()), *(float(values[group != g].mean()) for g in range(GROUPS))]
