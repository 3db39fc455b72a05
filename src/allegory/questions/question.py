"""What a question is: a function of codes, and of whatever else it needs, with a card."""

import abc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from allegory.core import CAPABILITIES, Array, Paper, Problem
from allegory.questions.controls import CONTROLS
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.intervals import Evidence, joined
from allegory.questions.picture import Picture
from allegory.questions.score import Score, Scores

Need = Literal[
    "labels",
    "pairs",
    "factors",
    "groups",
    "relations",
    "images",
    "several seeds",
    "encode",
    "codes",
    "decode",
    "sample",
    "log_density",
    "bound",
    "rate_distortion",
    "complete",
    "progressive",
]
Cost = Literal["instant", "seconds", "minutes"]


@dataclass(frozen=True)
class QuestionCard:
    """Facts about a question.

    `needs`: of the data (labels, factors, groups, relations, images), of what is asked (pairs of views, several training seeds), or a
    capability; who lacks one is left out. `beside`: the controls it is asked of too. `cost`: of asking it of one code set. `usual`: asked
    after every learning; the others with --questions all or by name. `bounds` of its values; `version` of its protocol. `gains`: the
    beginnings of those metrics whose paired gains over the controls are told.
    """

    name: str
    asks: str
    needs: tuple[Need, ...]
    better: Literal["higher", "lower", "depends"]
    paper: Paper
    bounds: tuple[float, float] = (float("-inf"), float("inf"))
    version: int = 1
    beside: tuple[str, ...] = CONTROLS
    cost: Cost = "seconds"
    usual: bool = False
    gains: tuple[str, ...] = ("accuracy",)


@dataclass(frozen=True)
class Question(abc.ABC):
    """Base. A concrete question is a frozen dataclass of its settings."""

    card: ClassVar[QuestionCard]

    @abc.abstractmethod
    def settings(self) -> str:
        """The procedure in words, with every setting that changes a value; part of the protocol's identity."""

    @abc.abstractmethod
    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        """The evidence by metric for one set of codes, of one training seed. {}: it is not defined for this one.
        Raises `Problem` with the reason when it cannot be answered for these codes."""

    @abc.abstractmethod
    def size(self, features: Features) -> tuple[int, str]:
        """How many items it is measured on, and of which part."""

    def references(self, features: Features) -> dict[str, CodeSet]:
        """What this question brings to compare with beside the controls, by name: its floor, its ceiling. See `references`."""
        del features
        return {}

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        """What to show beside the numbers, of the method's first training seed."""
        del subject, features
        return ()

    def words(self, scores: Scores) -> str:
        """The answer in plain words, from this question's scores; "" leaves it to the table."""
        del scores
        return ""

    def missing(self, features: Features) -> str:
        """Why it cannot be asked of these data; "" when it can."""
        reason = next((why for need in self.card.needs if (why := lacks(need, features))), "")
        return f"{self.card.name} was not asked: {reason}" if reason else ""

    def remark(self, features: Features) -> str:
        """What people should know about how it was asked of these data; "" when nothing."""
        del features
        return ""

    def protocol(self, features: Features) -> str:
        """What must agree for two scores to be compared: the question, its settings, the data with its parts, and the seed of the draws."""
        return f"{self.card.name}/{self.card.version}: {self.settings()}; data {features.data}; seed {features.seed}"

    def asked(self, features: Features) -> Mapping[str | None, CodeSet]:
        """Whom it is asked of: the method, the controls of the card, and the references."""
        found = {who: codes for who, codes in features.sets.items() if who is None or who in self.card.beside}
        return found | dict(self.references(features).items())

    def ask(self, features: Features, told: Callable[[str], object] = str, alone: bool = False) -> Scores:
        """The scores of the method, of every control and reference, and the paired gains of the method over each.
        `told` hears of whom it is asked now, for progress. `alone`: of the method only, without pictures, where many are compared."""
        found: dict[str | None, dict[str, Evidence]] = {}
        for who, codes in ({None: features.sets[None]} if alone else self.asked(features)).items():
            told(who or "")
            if evidence := self._evidence(who, codes, features):
                found[who] = evidence
        scores = [self._score(metric, e, who, features) for who, metrics in found.items() for metric, e in metrics.items()]
        gains = [
            self._score(f"gain in {metric}", own.minus(metrics[metric]), who, features)
            for who, metrics in found.items() if who is not None
            for metric, own in found.get(None, {}).items() if metric.startswith(self.card.gains) and metric in metrics
        ]  # fmt: skip
        return Scores([*scores, *gains], (), {self.card.name: self._shown(features) if None in found and not alone else ()})

    def _evidence(self, who: str | None, codes: CodeSet, features: Features) -> dict[str, Evidence]:
        brought = codes is not features.sets.get(who)  # a reference brings what it needs, or its question knows it by its name
        subjects = [s for s in codes.subjects(who) if brought or all(_has(s, need) for need in self.card.needs)]
        try:
            by_seed = [found for subject in subjects if (found := self.measure(subject, features))]
        except Problem:
            if who is None:
                raise
            return {}  # what cannot be answered for a control is no reason not to answer it for the method
        shared = [metric for metric in (by_seed[0] if by_seed else ()) if all(metric in e for e in by_seed)]
        return {metric: joined([e[metric] for e in by_seed]) for metric in shared}

    def _shown(self, features: Features) -> tuple[Picture, ...]:
        return self.pictures(next(iter(features.sets[None].subjects(None))), features)

    def _score(self, metric: str, evidence: Evidence, who: str | None, features: Features) -> Score:
        low, high = self.card.bounds
        bounds = (low - high, high - low) if metric.startswith("gain") else (low, high)
        low, high = evidence.interval(*bounds)
        n, split = self.size(features)
        seeds = len(evidence.values)
        return Score(self.card.name, metric, evidence.value, low, high, n, seeds, split, who, self.protocol(features), evidence)


def _has(subject: Subject, need: Need) -> bool:
    """Whether this one brings what is needed; what is needed of the data is there already."""
    if need == "pairs":
        return subject.pair is not None
    return subject.can(need) if need in CAPABILITIES else True


def lacks(need: Need, features: Features) -> str:
    """Why a need is not met; "" when it is."""
    return next((text for unmet, text in _reasons(need, features) if unmet), "")


def _reasons(need: Need, features: Features) -> Iterator[tuple[bool, str]]:
    source, own = features.source, list(features.sets[None].subjects(None)) if None in features.sets else []
    if need == "labels":
        yield bool(features.why_no_probe()), features.why_no_probe()
    elif need == "factors":
        yield features.factors is None, "the generative factors of these data are not known"
    elif need == "groups":
        yield source is None or source.groups is None, "these data have no groups"
    elif need == "relations":
        yield source is None or source.relations is None, "these data are no hierarchy"
    elif need == "images":
        yield source is None or not _image(source.spec), "these data are not images"
    elif need == "several seeds":
        yield len(own) < 2, "it compares training seeds, and there is one; learn with --seeds 3"
    elif need == "pairs":
        yield not any(s.pair for s in own), "these codes come without a way to encode two views of an item"
    else:
        yield not any(s.can(need) for s in own), f"it needs a method that can {need.replace('_', ' ')}, and this one cannot"


def _image(spec: object) -> bool:
    return isinstance(spec, Array) and spec.is_image
