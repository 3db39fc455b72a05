"""Do the probes find what is in the codes, or what they learn by heart? The same probes on random labels.

A control task gives every item a random class, in the shares of the true ones, by a hash of its content, so that equal items have equal
classes (Hewitt and Liang 2019). Every probe must then be at chance on test items: a value clearly above it means that test items have
copies in the training part, or that something leaks. Selectivity is the accuracy on the true labels less that on random ones.

Deviates: theirs are words, which come again in the test part and can be learned by heart; our items come once. How much the probe can learn
by heart is therefore told apart, as the accuracy of the linear probe on random labels of the very items it was fitted on (`by_heart`): near
1 with more code numbers than items, and no fault of the codes; but then a high accuracy on few items says little of their order.
"""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from allegory.core import Paper
from allegory.data import hashing
from allegory.questions import intervals, logistic, probing
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.questions.uses.few_labels import FewLabels
from allegory.questions.uses.knn import KNN
from allegory.questions.uses.linear_probe import LinearProbe

SEVERAL = 8  # labels a class of the few-label probe
STRENGTH = 1e-3  # of the linear probe that learns by heart


@final
@dataclass(frozen=True)
class ControlTask(Question):
    """`tasks`: how often random labels are dealt; `heart`: training items to learn by heart, at most."""

    tasks: int = 3
    heart: int = 2_000

    card: ClassVar[QuestionCard] = QuestionCard(
        name="control_task",
        asks="Are the probes at chance on random labels, as they must be?",
        needs=("labels",), better="depends", bounds=(-1.0, 1.0), beside=("raw input", "untrained"), gains=(),
        paper=Paper("Hewitt and Liang", "Designing and interpreting probes with control tasks", 2019,
                    "https://arxiv.org/abs/1909.03368", "section 2"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"{self.tasks} tasks of random labels by item hash in the shares of the labelled training items; linear_probe, knn, and "
            f"few_labels with up to {SEVERAL} labels a class as they are; by heart: at most {self.heart} training items, strength "
            f"{STRENGTH:g} times n"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(features.labelled("test")), "test"

    def dealt(self, features: Features, task: int) -> Int[Tensor, " n"]:
        """Random classes for the items that have a label; equal items get equal ones."""
        share = np.cumsum(features.class_sizes("train").numpy().astype(np.float64))
        source = features.source
        keys = np.arange(len(features), dtype=np.uint64) if source is None else source.item_keys
        keys = keys if source is None or features.rows is None else keys[features.rows]
        at = hashing.fold(keys, np.full(len(keys), 1000 * features.seed + task, dtype=np.uint64)).astype(np.float64) / 2.0**64
        dealt = torch.as_tensor(np.searchsorted(share / share[-1], at, side="right").clip(max=len(share) - 1))
        return torch.where(features.labels >= 0, dealt, -1)

    def probes(self, features: Features) -> dict[str, tuple[Question, str]]:
        """Every probe, and the metric of its accuracy."""
        found: dict[str, tuple[Question, str]] = {"linear_probe": (LinearProbe(), "accuracy"), "knn": (KNN(), "accuracy")}
        counts = FewLabels((1, 2, 4, SEVERAL)).possible(features)
        return found | ({"few_labels": (FewLabels((counts[-1],)), f"accuracy@{counts[-1]}")} if counts else {})

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        tasks = [dataclasses.replace(features, labels=self.dealt(features, task)) for task in range(self.tasks)]
        tasks = [task for task in tasks if not task.why_no_probe()]
        found: dict[str, Evidence] = {}
        for name, (probe, metric) in self.probes(features).items():
            asked = [task for task in tasks if not probe.missing(task)]
            if asked:
                random = _mean([probe.measure(subject, task)[metric] for task in asked])
                found |= {
                    f"control_accuracy of {name}": random,
                    f"selectivity of {name}": probe.measure(subject, features)[metric].minus(random),
                }
        shares = features.class_sizes("train").numpy() / len(features.labelled("train"))
        guess = Evidence(np.array([shares.max()]), np.full(intervals.REPLICATES, shares.max()))
        return found | ({"guess": guess, "by_heart": self._by_heart(subject, tasks[0])} if found else {})

    def _by_heart(self, subject: Subject, task: Features) -> Evidence:
        """The accuracy of a linear probe on random labels of the items that it was fitted on."""
        rows = evenly(task.labelled("train"), self.heart)
        z, y = probing.standardised(subject.z, task.parts["train"])[rows], task.labels[rows]
        found = logistic.fit(z[None], y[None], task.classes, STRENGTH * len(rows), 1e-4)
        hits = found.logits(z)[0].argmax(1) == y
        return intervals.of_hits(hits[None].numpy(), y.numpy(), task.seed)[0]

    def words(self, scores: Scores) -> str:
        own = [s for s in scores if s.control is None and s.metric.startswith("control_accuracy")]
        guess, heart = scores.get("guess"), scores.get("by_heart")
        if not own or guess is None:
            return ""
        told = ", ".join(f"{s.metric.rsplit(' ', 1)[1]} {s.value:.2f}" for s in own)
        gap = ", ".join(f"{s.value:.2f}" for s in scores if s.control is None and s.metric.startswith("selectivity"))
        loud = any(s.low is not None and s.low > guess.value for s in own)
        alarm = "more than a guess: test items have copies in the training part, or something leaks" if loud else "no more than a guess"
        said = f"On random labels the probes get {told}, {alarm} ({guess.value:.2f}); on the true ones they get {gap} more."
        return said + (f" A linear probe learns {heart.value:.0%} of random labels of its own items by heart." if heart else "")

    def remark(self, features: Features) -> str:
        copies = self._copies(features)
        return (
            f"control_task: {copies} of the test items are exact copies of training items; what the probes say of them is memory"
            if copies
            else ""
        )

    def _copies(self, features: Features) -> int:
        if features.source is None:
            return 0
        keys = features.source.item_keys if features.rows is None else features.source.item_keys[features.rows]
        return int(np.isin(keys[features.parts["test"]], keys[features.parts["train"]]).sum())


def _mean(each: list[Evidence]) -> Evidence:
    return Evidence(np.mean([e.values for e in each], axis=0), np.mean([e.replicates for e in each], axis=0))
