"""What a question is: a function of codes, and of labels where it needs them, with a card."""

import abc
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from allegory.core import Paper
from allegory.questions.features import CodeSet, Features
from allegory.questions.intervals import Evidence, joined
from allegory.questions.score import Score

Need = Literal["labels", "pairs"]


@dataclass(frozen=True)
class QuestionCard:
    """Facts about a question. `needs`: labels, or pairs of views of the same items. `bounds` of its values; `version` of its protocol."""

    name: str
    asks: str
    needs: tuple[Need, ...]
    better: Literal["higher", "lower", "depends"]
    paper: Paper
    bounds: tuple[float, float] = (float("-inf"), float("inf"))
    version: int = 1


@dataclass(frozen=True)
class Question(abc.ABC):
    """Base. A concrete question is a frozen dataclass of its settings."""

    card: ClassVar[QuestionCard]

    @abc.abstractmethod
    def settings(self) -> str:
        """The procedure in words, with every setting that changes a value; part of the protocol's identity."""

    @abc.abstractmethod
    def measure(self, z: Tensor, pair: tuple[Tensor, Tensor] | None, features: Features) -> dict[str, Evidence]:
        """The evidence by metric for one set of codes (n, z), of one training seed."""

    @abc.abstractmethod
    def size(self, features: Features) -> tuple[int, str]:
        """How many items it is measured on, and of which part."""

    def missing(self, features: Features) -> str:
        """Why it cannot be asked of these data; "" when it can."""
        if "labels" in self.card.needs and (reason := features.why_no_probe()):
            return f"{self.card.name} was not asked: {reason}"
        return ""

    def remark(self, features: Features) -> str:
        """What people should know about how it was asked of these data; "" when nothing."""
        del features
        return ""

    def protocol(self, features: Features) -> str:
        """What must agree for two scores to be compared: the question, its settings, the data with its parts, and the seed of the draws."""
        return f"{self.card.name}/{self.card.version}: {self.settings()}; data {features.data}; seed {features.seed}"

    def ask(self, features: Features) -> list[Score]:
        """The scores of the method and of every control, and the paired gains of the method over each control in accuracy."""
        found = {who: evidence for who, codes in features.sets.items() if (evidence := self._evidence(codes, features))}
        scores = [self._score(metric, e, who, features) for who, metrics in found.items() for metric, e in metrics.items()]
        gains = [
            self._score(f"gain in {metric}", own.minus(metrics[metric]), who, features)
            for who, metrics in found.items() if who is not None
            for metric, own in found.get(None, {}).items() if metric.startswith("accuracy") and metric in metrics
        ]  # fmt: skip
        return scores + gains

    def _evidence(self, codes: CodeSet, features: Features) -> dict[str, Evidence]:
        if "pairs" in self.card.needs and codes.pairs is None:
            return {}
        pairs = codes.pairs or (None,) * len(codes.seeds)
        by_seed = [self.measure(z, pair, features) for z, pair in zip(codes.seeds, pairs, strict=True)]
        return {metric: joined([e[metric] for e in by_seed]) for metric in by_seed[0]}

    def _score(self, metric: str, evidence: Evidence, who: str | None, features: Features) -> Score:
        bounds = (-1.0, 1.0) if metric.startswith("gain") else self.card.bounds
        low, high = evidence.interval(*bounds)
        n, split = self.size(features)
        seeds = len(evidence.values)
        return Score(self.card.name, metric, evidence.value, low, high, n, seeds, split, who, self.protocol(features), evidence)
