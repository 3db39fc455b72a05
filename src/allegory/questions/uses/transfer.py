"""Does the code serve for other images than those it was learned from? Linear probes with 1,000 labels on a suite of tasks.

After the Visual Task Adaptation Benchmark (Zhai et al. 2019, section 2 and 3): every task gives at most 1,000 labelled items; the strength
of a linear probe is chosen on 200 of them, after which it is fitted on all of them and asked about at most 1,000 others. Tasks are
**natural**, **specialised** (textures, materials, medicine, satellites) or **structured** (where, how many, which way round); the headline
is the mean over tasks, **transfer_accuracy@all**, and there is one mean a group.

A code that is better than the raw input and than the untrained network on tasks that it was not learned for has learned something general.
Chance differs from task to task, so means say something beside each other only. The built-in suite is small (digits, patches of two
photographs, textures, four questions about sprites) and says less than VTAB would: bring your own with --suite FILE. A task whose data the
network was learned on is left out.

Deviates: VTAB fine-tunes or probes at sizes of 224 pixels on 19 public data sets; here images are brought to the size that was learned.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from allegory.core import Array, Paper, Problem
from allegory.questions import intervals, logistic, probing, suite, telling
from allegory.questions.corrupted import Scale
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.questions.suite import GROUPS, Task

TITLE = "A large-scale study of representation learning with the visual task adaptation benchmark"
STRENGTHS = (1e-1, 1e-2, 1e-3, 1e-4)
BATCH = 256


@final
@dataclass(frozen=True)
class Transfer(Question):
    """`suite`: a YAML file of tasks (see `questions.suite`), "" for those that come with the package; `labels` a task, of which a share
    `kept` chooses the strength; at most `most` items to be asked about."""

    suite: str = ""
    labels: int = 1000
    kept: float = 0.2
    most: int = 1000

    card: ClassVar[QuestionCard] = QuestionCard(
        name="transfer", asks="Does the code serve for other images than those it was learned from?",
        needs=("encode",), better="higher", bounds=(0.0, 1.0), cost="minutes", gains=("transfer_accuracy",),
        beside=("raw input", "hand-made", "untrained", "supervised"),
        paper=Paper("Zhai et al.", TITLE, 2019, "https://arxiv.org/abs/1910.04867", "sections 2 and 3"),
    )  # fmt: skip

    def settings(self) -> str:
        tasks = "built-in tasks" if not self.suite else "; ".join(str(sorted(entry.items())) for entry in suite.entries(self.suite))
        return (
            f"{tasks}; at most {self.labels} labels, strength from {STRENGTHS} times n by {self.kept:g} of them, at most {self.most} "
            f"items; logistic regression on codes standardised by the labelled items"
        )

    def missing(self, features: Features) -> str:
        if features.source is None or not (isinstance(features.source.spec, Array) and features.source.spec.is_image):
            return "transfer was not asked: the suite is of images, and the columns of other vectors would mean other things"
        return super().missing(features)

    def remark(self, features: Features) -> str:
        left = self.tasks(features)
        own = [task.name for task in suite.tasks(self.suite) if task not in left]
        return f"transfer: without {', '.join(own)}, whose data it was learned from" if own else ""

    def tasks(self, features: Features) -> list[Task]:
        """Those of other data than the features'."""
        assert features.source is not None, "not asked without"
        return [task for task in suite.tasks(self.suite) if task.origin != features.source.name]

    def size(self, features: Features) -> tuple[int, str]:
        return sum(len(self._parts(task)[1]) for task in self.tasks(features)), "other data"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        each = {task: self._accuracy(subject, features, task) for task in self.tasks(features)}
        if not each:
            raise Problem("no task of the suite is of other data than it was learned from")
        means = {group: [e for task, e in each.items() if task.group == group] for group in GROUPS}
        found = {f"transfer_accuracy@{group}": _mean(of) for group, of in {"all": list(each.values()), **means}.items() if of}
        return found | {f"accuracy of {task.name}": e for task, e in each.items()}

    def _parts(self, task: Task) -> tuple[np.ndarray, np.ndarray]:
        """The labelled items, at most two thirds of a small task, and those that are asked about."""
        known = min(self.labels, 2 * len(task.y) // 3)
        return np.arange(known), np.arange(known, min(len(task.y), known + self.most))

    def _accuracy(self, subject: Subject, features: Features, task: Task) -> Evidence:
        known, asked = self._parts(task)
        y = torch.as_tensor(task.y)
        z = probing.standardised(_codes(subject, features, task.x[: asked[-1] + 1]), torch.as_tensor(known))
        reader = self._reader(z[known], y[known], task.classes)
        hits = reader.logits(z[asked])[0].argmax(1) == y[asked]
        return intervals.of_hits(hits[None].numpy(), task.y[asked], features.seed)[0]

    def _reader(self, x: Tensor, y: Tensor, classes: int) -> logistic.Linear:
        """Fitted on all, with the strength that is best for a share when fitted on the others."""
        kept = max(1, int(self.kept * len(x)))
        tried = logistic.path(x[kept:], y[kept:], classes, [s * (len(x) - kept) for s in STRENGTHS], 1e-4)
        right = [float((found.logits(x[:kept])[0].argmax(1) == y[:kept]).double().mean()) for found in tried]
        best = STRENGTHS[int(np.argmax(right))]
        return logistic.fit(x[None], y[None], classes, best * len(x), 1e-4)

    def words(self, scores: Scores) -> str:
        whole = scores.get("transfer_accuracy@all")
        if whole is None:
            return ""
        groups = [f"{s.value:.0%} on {group} ones" for group in GROUPS if (s := scores.get(f"transfer_accuracy@{group}"))]
        others = telling.beside(scores, whole.metric, ".0%")
        return f"On tasks of other data it tells {whole.value:.0%} rightly with a linear probe{others}: {telling.listed(groups)}."


def _codes(subject: Subject, features: Features, x: np.ndarray) -> Tensor:
    """The codes of images between 0 and 1, brought into the form of those that were learned from."""
    assert subject.encoder is not None and features.source is not None, "the card needs them"
    spec = features.source.spec
    assert isinstance(spec, Array), "asked of images only"
    sample = np.asarray(features.stored(evenly(features.parts["train"], BATCH)))
    scale = Scale.of(spec, sample)
    parts = [suite.fitted(x[at : at + BATCH], spec.shape, scale, sample.dtype) for at in range(0, len(x), BATCH)]
    z = torch.cat([subject.encoder.codes(part) for part in parts])
    if not torch.isfinite(z).all():
        raise Problem("the codes of other images are NaN or infinite")
    return z


def _mean(each: list[Evidence]) -> Evidence:
    return Evidence(np.mean([e.values for e in each], axis=0), np.mean([e.replicates for e in each], axis=0))
