"""What can be read off the codes, and by how simple a reader? One table: everything known about the items against four readers.

For every label, factor and attribute of the data, four readers of growing complexity are fitted on training items, choose their setting by
validation items and answer for test items: a linear map, the nearest neighbours, boosted trees, and a network of one hidden layer
(`readers`). Measured are the balanced accuracy of classes and of yes or no (top-5 accuracy beside it when there are more than ten
classes), the mean average precision of several labels at once, and R^2 = 1 - sum (y - told)^2 / sum (y - mean)^2 of measurements.

What all readers read, a line included, lies ready for use; what only trees or the network read is there, but tangled; what none reads
has been lost, or was never learned. The simpler reader is the claim about the codes: a strong enough one reads the raw input too (Alain
and Bengio 2016), which is why the raw input stands beside. A high value does not say that an attribute has a place of its own in the
code; the questions of disentanglement ask that.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from allegory.core import Paper
from allegory.data import Attribute
from allegory.questions import answers, intervals, probing, readers, references, telling
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Heat, Picture
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

MANY_CLASSES = 10
READ_FROM = 0.1  # the share of the way from a guess to 1 from which something is said to be read
READY_FROM = 0.9  # the share of what the best reader gets above a guess from which a linear one is said to get it
Found = dict[str, Evidence]
_FOUND: "WeakKeyDictionary[Features, dict[object, Found]]" = WeakKeyDictionary()  # pictures need again what was measured


@dataclass(frozen=True, eq=False)
class Asked:
    """An attribute of the gathered items: the items to fit on, to choose by and to be told."""

    attribute: Attribute
    train: Tensor
    seen: Tensor
    test: Tensor

    @property
    def measure(self) -> str:
        return {"multi-label": "mean_average_precision", "continuous": "r2"}.get(self.attribute.kind, "balanced_accuracy")

    @property
    def classes(self) -> int:
        """0 for measurements, else how many classes."""
        return {"class": len(self.attribute.names), "continuous": 0}.get(self.attribute.kind, 2)

    @cached_property
    def values(self) -> Tensor:
        return torch.as_tensor(self.attribute.values)

    @property
    def chance(self) -> float:
        """What answers that know nothing of the items come to."""
        y = self.values[self.test]
        if self.attribute.kind == "continuous":
            return 0.0
        if self.attribute.kind == "multi-label":
            return float(np.mean([float((t[t >= 0]).double().mean()) for t in y.T if (t == 1).any()]))
        return 1.0 / len(y.unique())

    @property
    def why_not(self) -> str:
        """Why it cannot be read here; "" when it can."""
        if not len(self.train) or not len(self.test):
            return "no training or no test item has a value"
        y = self.values[self.train]
        if self.attribute.kind == "multi-label":
            return "" if (self.values[self.test] == 1).any() else "none of its labels holds for a test item"
        return "" if len(y.unique()) > 1 else "all training items have the same value"


@final
@dataclass(frozen=True)
class Attributes(Question):
    """The first `most` attributes, or those named in `only`; on at most `train` and `test` items. Trees are grown on codes of at most
    `widest` numbers."""

    only: tuple[str, ...] = ()
    most: int = 10
    train: int = 10_000
    test: int = 5_000
    widest: int = 128

    card: ClassVar[QuestionCard] = QuestionCard(
        name="attributes",
        asks="What can be read off the codes, and by how simple a reader?",
        needs=(), better="higher", bounds=(float("-inf"), 1.0), cost="minutes", gains=(),
        paper=Paper("Alain and Bengio", "Understanding intermediate layers using linear classifier probes", 2016,
                    "https://arxiv.org/abs/1610.01644", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        which = ", ".join(self.only) or f"the first {self.most}"
        return (
            f"attributes: {which}; codes standardised by the training part, at most {self.train} training and {self.test} test items; "
            f"{readers.SETTINGS}; trees on at most {self.widest} numbers"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return max((len(a.test) for a in self.those(features)), default=0), "test"

    def those(self, features: Features) -> list[Asked]:
        """The attributes that can be read."""
        return [asked for asked in self._all(features) if not asked.why_not]

    def missing(self, features: Features) -> str:
        if reason := super().missing(features):
            return reason
        names = [a.name for a in targets(features)]
        if not names:
            return "attributes was not asked: nothing is known about the items; bring labels, factors or attributes"
        if unknown := [name for name in self.only if name not in names]:
            return f"attributes was not asked: there is no {', '.join(map(repr, unknown))}; these data have {', '.join(map(repr, names))}"
        return "" if self.those(features) else f"attributes was not asked: {self._left_out(features)}"

    def remark(self, features: Features) -> str:
        left_out, more = self._left_out(features), len(targets(features)) - self.most
        said = [f"{more} further attributes were left out; name those that you want to see" if more > 0 and not self.only else "", left_out]
        return "; ".join(f"attributes: {text}" for text in said if text)

    def references(self, features: Features) -> dict[str, CodeSet]:
        return {references.NOISE: references.noise(features)}

    def measure(self, subject: Subject, features: Features) -> Found:
        known = _FOUND.setdefault(features, {})
        key = (self, subject.who, subject.seed)
        if key not in known:
            known[key] = self._measured(probing.standardised(subject.z, features.parts["train"]), features)
        return known[key]

    def _measured(self, z: Tensor, features: Features) -> Found:
        found: Found = {}
        for asked in self.those(features):
            for name, reader in readers.READERS.items():
                if name != "trees" or z.shape[1] <= self.widest:
                    told = _told(asked, reader, z, features.seed)
                    found |= {
                        f"{metric} of {asked.attribute.name} by {name}": e for metric, e in _evidence(asked, told, features.seed).items()
                    }
        return found

    def _all(self, features: Features) -> list[Asked]:
        known = targets(features)
        chosen = [a for a in known if a.name in self.only] if self.only else known[: self.most]
        return [self._parted(a, features) for a in chosen]

    def _parted(self, attribute: Attribute, features: Features) -> Asked:
        """Items with a value, by part. Without enough validation items a fifth of the training items is kept back to choose by."""
        known = torch.as_tensor(attribute.known)
        train, seen, test = (rows[known[rows]] for rows in (features.parts[p] for p in ("train", "validation", "test")))
        train, test = evenly(train, self.train), evenly(test, self.test)
        if len(seen) < 20 and len(train) > 1:
            order = torch.as_tensor(np.random.default_rng([features.seed, 23]).permutation(len(train)))
            kept = max(1, len(train) // 5)
            train, seen = train[order[kept:].sort().values], train[order[:kept].sort().values]
        return Asked(attribute, train, seen, test)

    def _left_out(self, features: Features) -> str:
        return "; ".join(f"{a.attribute.name!r} was left out, as {a.why_not}" for a in self._all(features) if a.why_not)

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        found, asked, names = self.measure(subject, features), self.those(features), tuple(readers.READERS)
        rows = [
            tuple(self._share(found, a, f"{a.measure} of {a.attribute.name} by {name}") for name in names) for a in asked
        ]  # fmt: skip
        title = "What can be read off the codes, and by how simple a reader: 0 is a guess, 1 is all of it"
        return (Heat(title, tuple(a.attribute.name for a in asked), names, tuple(rows)),)

    def _share(self, found: Found, asked: Asked, metric: str) -> float:
        """How much of the way from chance to 1 a reader goes."""
        return max(0.0, (found[metric].value - asked.chance) / max(1e-9, 1.0 - asked.chance)) if metric in found else float("nan")

    def words(self, scores: Scores) -> str:
        ready, tangled, lost = [], [], []
        for name in _names(scores):
            own, guess = _own(name, scores)
            best = max(own, key=lambda reader: own[reader], default="")
            if not best or "linear" not in own:
                continue
            if own[best] < guess + READ_FROM * (1.0 - guess):
                lost.append(f"{name} ({best} {own[best]:.2f}, a guess {guess:.2f})")
            elif own["linear"] >= guess + READY_FROM * (own[best] - guess):
                ready.append(f"{name} ({own['linear']:.2f}, a guess {guess:.2f})")
            else:
                tangled.append(f"{name} (linear {own['linear']:.2f}, {best} {own[best]:.2f})")
        said = [("A linear reader gets", ready), ("There, but tangled:", tangled), ("No reader gets", lost)]
        return " ".join(f"{start} {telling.listed(names)}." for start, names in said if names)


def targets(features: Features) -> tuple[Attribute, ...]:
    """What is known about the gathered items."""
    if features.source is not None:
        return tuple(a if features.rows is None else a.take(features.rows) for a in features.source.targets)
    return (Attribute("label", "class", features.labels.numpy(), features.names),) if features.names else ()


def _told(asked: Asked, reader: readers.Reader, z: Tensor, seed: int) -> Tensor:
    """The answers for the test items: (q, classes), (q, labels) or (q, 1)."""
    if asked.attribute.kind != "multi-label":
        return _one(asked, reader, z, seed, asked.values)
    each = [_one(asked, reader, z, seed, label) for label in asked.values.T]
    return torch.stack([out[:, 1] - out[:, 0] for out in each], 1)


def _one(asked: Asked, reader: readers.Reader, z: Tensor, seed: int, y: Tensor) -> Tensor:
    """The answers to one thing `y` (n,); a label that all training items share, or lack, gets equal answers."""
    known = torch.ones(len(y), dtype=torch.bool) if y.is_floating_point() else y >= 0
    train, seen = asked.train[known[asked.train]], asked.seen[known[asked.seen]]
    if not len(seen) or len(y[train].unique()) < 2:
        return torch.zeros(len(asked.test), max(1, asked.classes), dtype=torch.float64)
    return reader(readers.Known(z[train], y[train], z[seen], y[seen], asked.classes), z[asked.test], seed).double()


def _evidence(asked: Asked, told: Tensor, seed: int) -> Found:
    y = asked.values[asked.test]
    if asked.attribute.kind == "continuous":
        return {"r2": answers.r2(told[:, 0], y, seed)}
    if asked.attribute.kind == "multi-label":
        return {"mean_average_precision": answers.mean_precision(told, y, seed)}
    found = {"balanced_accuracy": intervals.of_hits((told.argmax(1) == y)[None].numpy(), y.numpy(), seed)[1]}
    return found | ({"top5_accuracy": answers.top(told, y, 5, seed)} if asked.classes > MANY_CLASSES else {})


def _names(scores: Scores) -> list[str]:
    """The attributes that there are scores of."""
    return list(dict.fromkeys(s.metric.split(" of ", 1)[1].rsplit(" by ", 1)[0] for s in scores if " of " in s.metric))


def _own(name: str, scores: Scores) -> tuple[dict[str, float], float]:
    """What each reader gets of an attribute, and what the linear one gets from codes that know nothing."""
    measure = next(s.metric.split(" of ", 1)[0] for s in scores if f" of {name} by " in s.metric)
    own = {r: s.value for r in readers.READERS if (s := scores.get(f"{measure} of {name} by {r}"))}
    floor = scores.get(f"{measure} of {name} by linear", references.NOISE)
    return own, max(0.0, floor.value) if floor else 0.0
