"""What is the learned network worth as a start? All its weights are trained on with labels, beside the same network from random weights.

Every weight, and a new linear layer on the code, learn from 10 labels a class and from all labels, for the same steps, on the same items
and in the same order (Chen et al. 2020, section 6 and appendix B.5). **tuned_accuracy@10** and **tuned_accuracy@all** are shares of test
items; the gain over the untrained network is what learning without labels has saved. With all labels the gain often goes to nothing: a
start matters less the more labels there are, and a network that starts from nothing may only need more steps than it is given here. A
figure below that of the linear probe says that few labels have spoilt good features (Kumar et al. 2022).

Deviates: Adam at one fixed rate and at most some hundred steps, so that it ends in a minute; the paper's recipe has 30 to 60 epochs. No
setting is chosen by validation, which would use more labels than it says.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from allegory.core import Paper
from allegory.data import Source
from allegory.questions import controls, intervals, telling
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.fine_tuned import How, fine_tuned
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.questions.uses.few_labels import FewLabels

TITLE = "A simple framework for contrastive learning of visual representations"
BATCH = 256


@final
@dataclass(frozen=True)
class FineTuning(Question):
    """With `count` labels a class, `draws` times, for `few_steps` steps; and with at most `train` labels for `steps` steps. Of at most
    `most` test items."""

    count: int = 10
    draws: int = 5
    few_steps: int = 60
    steps: int = 200
    rate: float = 1e-3
    train: int = 10_000
    most: int = 2000

    card: ClassVar[QuestionCard] = QuestionCard(
        name="fine_tuning", asks="What is the learned network worth as a start, when all its weights are trained on with labels?",
        needs=("labels", "encode"), better="higher", bounds=(0.0, 1.0), beside=("untrained",), cost="minutes", gains=("tuned_accuracy",),
        paper=Paper("Chen et al.", TITLE, 2020, "https://arxiv.org/abs/2002.05709", "section 6, appendix B.5"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"{self.draws} draws of {self.count} labels a class for {self.few_steps} steps, and at most {self.train} labels for "
            f"{self.steps} steps; Adam from rate {self.rate:g}, batch 128, mild augmentation, a new linear layer; at most {self.most} "
            f"test items"
        )

    def rows(self, features: Features) -> Int[Tensor, " q"]:
        return evenly(features.labelled("test"), self.most)

    def size(self, features: Features) -> tuple[int, str]:
        return len(self.rows(features)), "test"

    def missing(self, features: Features) -> str:
        if reason := super().missing(features):
            return reason
        reps = features.sets[None].reps
        if not reps or features.source is None:
            return "fine_tuning was not asked: there is no network of ours to train on"
        trains = controls.carries_gradient(reps[0], features.source, len(features.parts["train"]))
        name = type(reps[0].method).__name__
        return "" if trains else f"fine_tuning was not asked: labels cannot train the code of {name}, or have done so already"

    def remark(self, features: Features) -> str:
        return "" if self._few.possible(features) else f"fine_tuning: not with {self.count} labels a class, as a class has fewer"

    @property
    def _few(self) -> FewLabels:
        return FewLabels(counts=(self.count,), draws=self.draws)

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        found = {}
        if self._few.possible(features):
            draws = [torch.as_tensor(draw.ravel()) for draw in self._few.drawn(features)]
            found[f"tuned_accuracy@{self.count}"] = self._accuracy(subject, features, draws, How(self.few_steps, self.rate))
        whole = [evenly(features.labelled("train"), self.train)]
        return found | {"tuned_accuracy@all": self._accuracy(subject, features, whole, How(self.steps, self.rate))}

    def _accuracy(self, subject: Subject, features: Features, draws: list[Tensor], how: How) -> Evidence:
        hits = np.stack([self._hits(subject, features, draw, how) for draw in draws])
        return intervals.of_hits(hits, features.labels[self.rows(features)].numpy(), features.seed)[0]

    def _hits(self, subject: Subject, features: Features, index: Int[Tensor, " n"], how: How) -> Bool[np.ndarray, " q"]:
        """Which test items are told rightly after learning from the items at `index`."""
        assert subject.rep is not None, "asked of models only"
        source, rows = _source(features), self.rows(features)
        numbers = index.numpy() if features.rows is None else features.rows[index.numpy()]
        told = fine_tuned(subject.rep, subject.z.shape[1], source, numbers, features.labels[index], how, features.seed)
        classes = torch.cat([told.codes(features.stored(part)).argmax(1) for part in rows.split(BATCH)])
        return np.asarray((classes == features.labels[rows]).numpy())

    def words(self, scores: Scores) -> str:
        said = []
        for column, when in ((str(self.count), f"{self.count} labels a class"), ("all", "all labels")):
            if own := scores.get(f"tuned_accuracy@{column}"):
                said.append(f"with {when} {own.value:.0%} of the test items are told rightly{telling.beside(scores, own.metric, '.0%')}")
        return f"Trained on {telling.listed(said)}." if said else ""


def _source(features: Features) -> Source:
    assert features.source is not None, "not asked without"
    return features.source
