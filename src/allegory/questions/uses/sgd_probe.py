"""Can a linear classifier read the classes, fitted by stochastic gradient descent as in the papers? For many items.

The protocol of published linear evaluations (Goyal et al. 2019; He et al. 2020): mini-batches of 256, momentum 0.9, no weight decay, a
learning rate that falls to 0 along a cosine; several rates are tried side by side on the same batches, and validation's balanced accuracy
takes one. Memory and time grow with one pass over the items, where `linear_probe` solves to convergence and holds all of them; up to some
ten thousand items that one is exact, and this one should agree to within its interval. Codes are standardised by the training part, so
that one set of rates fits all.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Paper
from allegory.questions import intervals, probing, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.logistic import Linear
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

MOMENTUM = 0.9


@final
@dataclass(frozen=True)
class SgdProbe(Question):
    """`rates`: learning rates tried, over the number of code numbers, with which the steepest curvature grows; `passes` over the training
    items, and at least `steps` steps; `batch` items a step."""

    rates: tuple[float, ...] = (30.0, 10.0, 3.0, 1.0)
    passes: int = 10
    steps: int = 1_000
    batch: int = 256

    card: ClassVar[QuestionCard] = QuestionCard(
        name="sgd_probe",
        asks="How well does a linear classifier read the classes, fitted by stochastic gradient descent?",
        needs=("labels",), better="higher", bounds=(0.0, 1.0),
        paper=Paper("Goyal et al.", "Scaling and benchmarking self-supervised visual representation learning", 2019,
                    "https://arxiv.org/abs/1905.01235", "section 6"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"softmax regression by SGD, momentum {MOMENTUM}, batch {self.batch}, {self.passes} passes and at least {self.steps} steps, "
            f"rate from {self.rates} over the number of code numbers by validation's balanced accuracy, falling along a cosine; codes "
            f"standardised by the training part"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(features.labelled("test")), "test"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        test = probing.Labelled.of(features, "test")
        z = probing.standardised(subject.z, features.parts["train"]).float()
        train, validation = probing.to_choose_by(features)
        found = self.descended(z, train, features)
        told = found.logits(z[validation.index]).argmax(2)
        best = max(range(len(told)), key=lambda i: probing.balanced(told[i] == validation.y, validation.y))
        hits = found.logits(z[test.index])[best].argmax(1) == test.y
        accuracy, balanced = intervals.of_hits(hits[None].numpy(), test.y.numpy(), features.seed)
        return {"accuracy": accuracy, "balanced_accuracy": balanced}

    def descended(self, z: Float[Tensor, "n d"], train: probing.Labelled, features: Features) -> Linear:
        """A classifier for each rate."""
        d, k = z.shape[1], features.classes
        weight, bias = torch.zeros(len(self.rates), d, k), torch.zeros(len(self.rates), 1, k)
        speed, drift = torch.zeros_like(weight), torch.zeros_like(bias)
        rates = torch.tensor(self.rates)[:, None, None] / d
        rng = np.random.default_rng([features.seed, 36])
        batches = -(-len(train) // self.batch)
        total = max(self.steps, self.passes * batches)
        for step in range(total):
            if step % batches == 0:
                order = torch.as_tensor(rng.permutation(len(train))).split(self.batch)
            rows = order[step % batches]
            x, y = z[train.index[rows]], train.y[rows]
            residual = torch.softmax(x @ weight + bias, 2)
            residual[:, torch.arange(len(y)), y] -= 1.0
            speed.mul_(MOMENTUM).add_(x.T @ residual / len(y))
            drift.mul_(MOMENTUM).add_(residual.mean(1, keepdim=True))
            rate = rates * 0.5 * (1.0 + np.cos(np.pi * step / total))
            weight -= rate * speed
            bias -= rate * drift
        return Linear(weight.double(), bias[:, 0].double())

    def words(self, scores: Scores) -> str:
        own = scores.get("accuracy")
        if own is None:
            return ""
        others = telling.beside(scores, "accuracy", ".0%")
        return f"A linear classifier fitted in small steps gets {own.value:.0%} of the test items right{others}."
