"""How many labelled items does it take? Accuracy at 10, 100, 1,000 and 10,000 labels, and the share of it that 100 labels reach.

For every generative factor (or the label, where factors are not known) a classifier is fitted on 10, 100, 1,000 and 10,000 training items
at random and asked about test items; the accuracy is the mean over factors. Two readers: logistic regression (LR) and gradient boosted
trees of depth 3 (GBT). Statistical efficiency = accuracy at 100 / accuracy at 10,000 (Locatello et al. 2019, section 5.5; the downstream
task of disentanglement_lib). A value near 1 says that a hundred labels tell nearly all that ten thousand do; codes that no reader can
read have it too, so look at the accuracies beside it.

Deviates: trees are grown on histograms of 255 bins instead of sorted values; the strength of logistic regression is chosen on a fifth of
the labelled items instead of in ten folds, and is 1 with fewer than 100 labels; up to 100 labels it is the average of ten draws.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Bool, Int
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor

from allegory.core import Paper
from allegory.questions import intervals, logistic, probing, telling
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Curve, Curves, Picture
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

TITLE = "Challenging common assumptions in the unsupervised learning of disentangled representations"
CHOSEN_FROM = 100  # labels from which a fifth can be spared to choose by
STRENGTHS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
FEW, MANY = 100, 10_000
Reader = Callable[[Tensor, Tensor, Tensor, int], Tensor]  # codes, classes, new codes, seed -> classes
SHOWN = {"lr": "LR", "gbt": "GBT"}


@final
@dataclass(frozen=True)
class Efficiency(Question):
    """`counts` of labelled items in all; `draws` of each up to 100; at most `test` test items; `rounds` of the trees, which are grown on
    codes of at most `widest` numbers."""

    counts: tuple[int, ...] = (10, 100, 1_000, 10_000)
    draws: int = 10
    test: int = 5_000
    rounds: int = 100
    widest: int = 128

    card: ClassVar[QuestionCard] = QuestionCard(
        name="efficiency",
        asks="How many labelled items does it take to read the factors, or the label, off the codes?",
        needs=(), better="higher", bounds=(0.0, float("inf")), cost="minutes", beside=("pca", "untrained", "supervised"), gains=(),
        paper=Paper("Locatello et al.", TITLE, 2019, "https://arxiv.org/abs/1811.12359", "section 5.5"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"{', '.join(map(str, self.counts))} training items at random, {self.draws} draws of up to {FEW} and one of more, at most "
            f"{self.test} test items; logistic regression, strength from {STRENGTHS} times n by a fifth of the draw (1 below {CHOSEN_FROM} "
            f"labels); boosted trees of depth 3, {self.rounds} rounds at 0.1, histograms, on at most {self.widest} numbers"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(self._parts(features)[1]), "test"

    def missing(self, features: Features) -> str:
        reason = super().missing(features) or ("" if features.factors is not None else features.why_no_probe())
        if reason:
            return reason if reason.startswith(self.card.name) else f"efficiency was not asked: {reason}"
        enough = len(self._parts(features)[0]) >= min(self.counts)
        return "" if enough else f"efficiency was not asked: fewer than {min(self.counts)} training items have a label"

    def remark(self, features: Features) -> str:
        n = len(self._parts(features)[0])
        left_out = [f"{count:,}" for count in self.counts if count > n]
        return f"efficiency: not at {', '.join(left_out)} labels, as {n:,} training items have one" if left_out else ""

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = probing.standardised(subject.z, features.parts["train"])
        curves = {"lr": self._curve(z, features, _logistic)}
        if z.shape[1] <= self.widest:
            curves["gbt"] = self._curve(z, features, self._trees)
        found = {f"{reader}_accuracy@{count}": e for reader, curve in curves.items() for count, e in curve.items()}
        ratios = {f"{reader}_efficiency": _ratio(c[FEW], c[MANY]) for reader, c in curves.items() if FEW in c and MANY in c}
        return ratios | found

    def _curve(self, z: Tensor, features: Features, reader: Reader) -> dict[int, Evidence]:
        """The accuracy, averaged over what is asked for, by the number of labels."""
        train, test = self._parts(features)
        targets = _targets(features)
        curve = {}
        for count in (c for c in self.counts if c <= len(train)):
            each = []
            for y in targets:
                hits = [self._hits(z, y, count, d, features, reader) for d in range(self.draws if count <= FEW else 1)]
                each.append(intervals.of_hits(np.stack(hits), y[test].numpy(), features.seed)[0])
            replicates = np.mean([e.replicates for e in each], axis=0).clip(0.0, 1.0)
            curve[count] = Evidence(np.mean([e.values for e in each], axis=0), replicates)
        return curve

    def _hits(self, z: Tensor, y: Tensor, count: int, draw: int, features: Features, reader: Reader) -> Bool[np.ndarray, " n"]:
        """Which test items are read rightly after one draw of labelled items; a smaller draw is part of the larger."""
        train, test = self._parts(features)
        order = np.random.default_rng([features.seed, 33, draw]).permutation(len(train))
        rows = train[torch.as_tensor(order[:count])]
        told = reader(z[rows], y[rows], z[test], features.seed)
        return np.asarray((told == y[test]).numpy())

    def _parts(self, features: Features) -> tuple[Tensor, Tensor]:
        """The items that can be drawn, and those that are asked about."""
        if features.factors is not None:
            return features.parts["train"], evenly(features.parts["test"], self.test)
        return features.labelled("train"), evenly(features.labelled("test"), self.test)

    def _trees(self, x: Tensor, y: Tensor, new: Tensor, seed: int) -> Int[Tensor, " q"]:
        if len(y.unique()) == 1:
            return y[:1].expand(len(new))
        depth = {"max_depth": 3, "max_leaf_nodes": None, "min_samples_leaf": 1, "learning_rate": 0.1, "early_stopping": False}
        model = HistGradientBoostingClassifier(max_iter=self.rounds, random_state=seed, **depth)
        return torch.as_tensor(model.fit(x.numpy(), y.numpy()).predict(new.numpy()))

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        z = probing.standardised(subject.z, features.parts["train"])
        curve = self._curve(z, features, _logistic)
        ends = [e.interval(0.0, 1.0) for e in curve.values()]
        x, y = tuple(float(c) for c in curve), tuple(e.value for e in curve.values())
        line = Curve("LR", x, y, tuple(low for low, _ in ends), tuple(high for _, high in ends))
        return (Curves("Accuracy by the number of labels, logistic regression", "labels", "accuracy", (line,), log=True),)

    def words(self, scores: Scores) -> str:
        said = []
        for reader, name in SHOWN.items():
            ratio, few = scores.get(f"{reader}_efficiency"), scores.get(f"{reader}_accuracy@{FEW}")
            if few is not None:
                share = (
                    f", {ratio.value:.0%} of what 10,000 reach{telling.beside(scores, ratio.metric, '.0%')}" if ratio is not None else ""
                )
                said.append(f"With 100 labels {name} reads {few.value:.0%} rightly off the codes{share}.")
        return " ".join(said)


def _targets(features: Features) -> list[Tensor]:
    """The classes of the items: every factor that varies, or the label."""
    if features.factors is None:
        return [features.labels]
    return [torch.as_tensor(f.values) for f in features.factors.varying()]


def _logistic(x: Tensor, y: Tensor, new: Tensor, seed: int) -> Int[Tensor, " q"]:
    """The classes told by logistic regression."""
    classes, y = y.unique(return_inverse=True)
    if len(classes) == 1:
        return classes.expand(len(new))
    if len(x) < CHOSEN_FROM:
        return classes[logistic.fit(x[None], y[None], len(classes), 1.0, 1e-4).logits(new)[0].argmax(1)]
    kept = len(x) // 5
    order = torch.as_tensor(np.random.default_rng([seed, 34]).permutation(len(x)))
    rows, seen = order[kept:], order[:kept]
    tried = list(logistic.path(x[rows], y[rows], len(classes), [s * len(rows) for s in STRENGTHS], 1e-4))
    best = max(tried, key=lambda found: float((found.logits(x[seen])[0].argmax(1) == y[seen]).double().mean()))
    return classes[best.logits(new)[0].argmax(1)]


def _ratio(few: Evidence, many: Evidence) -> Evidence:
    return Evidence(few.values / np.maximum(many.values, 1e-12), few.replicates / np.maximum(many.replicates, 1e-12))
