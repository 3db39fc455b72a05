r"""Do clusters that nobody labelled agree with the classes? k-means with as many clusters as classes.

**NMI** = $I / \frac{H(\text{classes}) + H(\text{clusters})}{2}$; **AMI** takes off what chance gives (Vinh, Epps and Bailey 2010);
**pairwise F1** is of the pairs of items that share a cluster as an answer to which share a class.

**What it says.** A high value: the classes are the largest clumps of the codes, found without a label. A low one does not say that the
classes are not in the codes: k-means wants round clumps of one size, and the largest clumps may be another property (the background,
the drawer), which a linear probe would see past.

**The interval** is over test items, with the clusters held; the value is the mean over several runs of k-means.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Paper
from allegory.measures.clustering import ami, assigned, kmeans, nmi, pairwise_f1
from allegory.questions import intervals, references
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

GROUPS = 16
MEASURES = {"nmi": nmi, "ami": ami, "pairwise_f1": pairwise_f1}


@final
@dataclass(frozen=True)
class Clustering(Question):
    """The mean of `runs` runs of k-means (seeds 0 .. runs - 1 after the seed of the asking), each the best of `starts` starts, centres
    learned from the codes of at most `most` training items without a label."""

    runs: int = 5
    starts: int = 3
    most: int = 20_000

    card: ClassVar[QuestionCard] = QuestionCard(
        name="clustering", asks="Do clusters that nobody labelled agree with the classes?",
        needs=("labels",), better="higher", bounds=(-1.0, 1.0), gains=("ami",),
        paper=Paper("Vinh, Epps and Bailey", "Information theoretic measures for clusterings comparison", 2010,
                    "https://jmlr.org/papers/v11/vinh10a.html", "equation 24a"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"k-means with as many clusters as labelled test items have classes, on codes as they are, best of {self.starts} k-means++ "
            f"starts, centres from at most {self.most} training items (256 a cluster), mean of {self.runs} runs"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(features.labelled("test")), "test"

    def missing(self, features: Features) -> str:
        if reason := super().missing(features):
            return reason
        test = features.labelled("test")
        if len(features.labels[test].unique()) < 2:
            return f"{self.card.name} was not asked: the labelled test items are of one class only"
        few = len(test) < 2 * GROUPS
        return f"{self.card.name} was not asked: the test part has fewer than {2 * GROUPS} labelled items" if few else ""

    def references(self, features: Features) -> dict[str, CodeSet]:
        return {references.NOISE: references.noise(features)}

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        test, learned = features.labelled("test"), evenly(features.parts["train"], self.most)
        y, k = features.labels[test], len(features.labels[test].unique())
        runs = [np.random.default_rng([features.seed, 31, run]) for run in range(self.runs)]
        found = [assigned(subject.z[test], kmeans(subject.z[learned], k, rng, self.starts)) for rng in runs]
        value, without = agreements(y, found)
        return {m: intervals.jackknife(value[i], without[:, i], features.seed) for i, m in enumerate(MEASURES)}

    def words(self, scores: Scores) -> str:
        own = scores.get("ami")
        if own is None:
            return ""
        beside = [(scores.get("ami", who), what) for who, what in (("raw input", "the raw input"), ("pca", "PCA"))]
        told = ", ".join(f"{s.value:.0%} for {what}" for s, what in beside if s)
        return (
            f"Clusters found without labels tell {own.value:.0%} of what there is to know about the classes, beyond chance (AMI)"
            + (f"; {told}" if told else "")
            + ". 0 % is what clusters drawn by lot would reach, 100 % means that clusters and classes are the same."
        )


def agreements(y: Int[Tensor, " n"], found: list[Int[Tensor, " n"]]) -> tuple[list[float], Float[np.ndarray, "g m"]]:
    """NMI, AMI and pairwise F1, each the mean over the clusterings; and without the items of each group (item i is in group i mod g)."""

    def means(kept: Tensor) -> list[float]:
        return [float(np.mean([f(y[kept], clusters[kept]) for clusters in found])) for f in MEASURES.values()]

    group = torch.arange(len(y)) % GROUPS
    return means(group >= 0), np.array([means(group != g) for g in range(GROUPS)])
