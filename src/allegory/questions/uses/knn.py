"""Do the nearest neighbours of an item in code space belong to its class? No learning, hence no setting but k.

Weighted votes of the k nearest training items by cosine, each exp(cosine / tau) with tau = 0.07, as in Wu et al. (2018); k is chosen
among (5, 10, 20, 50, 100, 200) by the balanced accuracy on the validation part (theirs is 200).

Deviates: the mean code of the training part is taken off first. Cosines depend on where zero is, and raw pixels, whose zero means
nothing, are a much stronger control without their mean (digits: .987 for .960); codes gain or stay as they are.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from allegory import measures
from allegory.core import Paper
from allegory.questions import intervals, probing
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard

QUERIES = 1024


@final
@dataclass(frozen=True)
class KNN(Question):
    """`ks`: the numbers of neighbours to choose from; `tau`: the temperature of the votes."""

    ks: tuple[int, ...] = (5, 10, 20, 50, 100, 200)
    tau: float = 0.07

    card: ClassVar[QuestionCard] = QuestionCard(
        name="knn",
        asks="Do the nearest neighbours of an item belong to its class?",
        needs=("labels",), better="higher", usual=True, bounds=(0.0, 1.0),
        paper=Paper("Wu et al.", "Unsupervised feature learning via non-parametric instance discrimination", 2018,
                    "https://arxiv.org/abs/1805.01978", "section 3.4"),
    )  # fmt: skip

    def settings(self) -> str:
        votes = f"votes exp(cosine / {self.tau:g}), k from {self.ks} by validation's balanced accuracy"
        return f"cosine of codes centred by the training part, {votes}"

    def size(self, features: Features) -> tuple[int, str]:
        return len(features.labelled("test")), "test"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = measures.on_sphere(subject.z - subject.z[features.parts["train"]].mean(0))
        train, validation = probing.to_choose_by(features)
        test, classes = probing.Labelled.of(features, "test"), features.classes
        ks = [k for k in self.ks if k <= len(train)] or [len(train)]
        answers = self.votes(z[validation.index], z[train.index], train.y, classes, ks)
        quality = [probing.balanced(answer == validation.y, validation.y) for answer in answers]
        k = ks[quality.index(max(quality))]
        answer = self.votes(z[test.index], z[train.index], train.y, classes, [k])[0]
        accuracy, balanced = intervals.of_hits((answer == test.y)[None].numpy(), test.y.numpy(), features.seed)
        return {"accuracy": accuracy, "balanced_accuracy": balanced}

    def votes(self, x: Tensor, bank: Tensor, y: Tensor, classes: int, ks: list[int]) -> Tensor:
        """(len(ks), n): the class that the k nearest of `bank` (with classes `y`) vote for, for every row of `x`, on the sphere both."""
        answers = []
        for queries in x.split(QUERIES):
            cosine, nearest = torch.topk(queries @ bank.T, max(ks), dim=1)
            weight = torch.exp((cosine - 1.0) / self.tau)  # minus 1: the largest vote is 1
            empty = torch.zeros(len(queries), classes)
            answers.append(torch.stack([empty.scatter_add(1, y[nearest[:, :k]], weight[:, :k]).argmax(1) for k in ks]))
        return torch.cat(answers, 1)
