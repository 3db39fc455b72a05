r"""What does the code of an item take, and what does it leave to be said? One point, and the curve that a dial of the method draws.

**rate** $R = E_x KL(q(z|x) \,\|\, p(z))$, the nats that say the code; **distortion** $D = -E_x E_q \log p(x|z)$, the nats that then still
say the item, at one draw of the code. $-(R + D)$ is the evidence lower bound: all models of one bound lie on a line of slope $-1$
(Alemi et al. 2018, section 3). A model that ignores its code has R = 0. For discrete codes R is what their indices take under their
frequencies at each place.

**The curve.** Where the method's card names a dial (beta, a capacity, the size of a codebook), the method learns again at each of its
values, from the same items, with the same seed, steps and batch; `rate@beta 4` is the rate there. A dial moves along a curve; what
lies nearer to no nats at all is better at both. With beta-VAE, whose objective is D + beta R, a nat of rate is spent where it saves at
least beta nats of distortion, so beta is the steepness of the curve where the model stands.

**What it does not say.** Distortions are in the unit of the likelihood, so that only models of one likelihood are compared: its name is
part of the protocol. Continuous likelihoods are densities, and D may be below 0. The curve is that of one architecture and one length of
training, not the limit that the data set. No point says what the code is good for.

Asked only by name, as it learns a model for every value of the dial and every training seed.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import numpy as np

from allegory import train
from allegory.core import Dial, Optim, Paper, RateDistortion, plain
from allegory.questions import items
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Curve, Curves
from allegory.questions.question import QuestionCard
from allegory.questions.score import Score, Scores
from allegory.representation import Representation

RATE, DISTORTION = "rate", "distortion"


@final
@dataclass(frozen=True)
class RateAndDistortion(items.OnItems):
    """Of at most `most` test items. `sweep`: learn at the values of the dial too; `values` in place of those of the card."""

    sweep: bool = True
    values: tuple[float, ...] = ()

    card: ClassVar[QuestionCard] = QuestionCard(
        name="rate_distortion", asks="What does the code of an item take, and what does it leave to be said?",
        needs=("rate_distortion",), better="depends", beside=("untrained",), cost="minutes", gains=(),
        paper=Paper("Alemi et al.", "Fixing a broken ELBO", 2018, "https://arxiv.org/abs/1711.00464", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"at most {self.most} test items, one draw of the code each; other values of the dial: learned again with the same seed"

    def protocol(self, features: Features) -> str:
        """With the likelihood, in whose unit the distortion is."""
        rep = features.sets[None].reps[0]
        few = rep.rate_distortion(features.stored(self.rows(features)[:1]))
        return super().protocol(features).replace("; data ", f"; likelihood {few.likelihood}; data ", 1)

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        assert subject.rep is not None, "the card needs one"
        found = self._point(subject.rep, features)
        if subject.who is not None or not self.sweep:
            return found
        for value, rep in self._swept(subject.rep, features):
            at = self._point(rep, features)
            found |= {f"{name}@{named(rep.method.card.dial, value)}": at[name] for name in (RATE, DISTORTION)}
        return found

    def _point(self, rep: Representation, features: Features) -> dict[str, Evidence]:
        told: RateDistortion = rep.rate_distortion(features.stored(self.rows(features)), seed=features.seed)
        return {
            RATE: items.of_mean(told.rate.double(), features.seed),
            DISTORTION: items.of_mean(told.distortion.double(), features.seed),
        }

    def _swept(self, rep: Representation, features: Features) -> Iterator[tuple[float, Representation]]:
        """The method learned again at each value of its dial; at its own value it is itself."""
        dial = rep.method.card.dial
        for value in (self.values or dial.values) if dial else ():
            assert dial is not None
            again = rep if getattr(rep.method, dial.field) == value else learned_again(rep, features, dial.field, value)
            yield value, again

    def ask(self, features: Features, told: Callable[[str], object] = str, alone: bool = False) -> Scores:
        """With the picture made from the scores, as the models behind it are not kept."""
        scores = super().ask(features, told, alone)
        shown = None if alone else curve(scores)
        return Scores(scores, scores.notes, {self.card.name: (shown,)} if shown else {})

    def remark(self, features: Features) -> str:
        dial = features.sets[None].reps[0].method.card.dial
        none = " The method names no dial that trades one for the other, so there is no curve" if self.sweep and dial is None else ""
        return f"{self.card.name}: distortions are nats of one likelihood, and of another they are in another unit.{none}"

    def words(self, scores: Scores) -> str:
        rate, distortion = scores.get(RATE), scores.get(DISTORTION)
        if rate is None or distortion is None:
            return ""
        total = rate.value + distortion.value
        text = (
            f"The code of an item takes {rate.value:,.1f} nats and leaves {distortion.value:,.1f} to be said, {total:,.1f} in all: "
            "the fewer in all, the better the bound on the likelihood."
        )
        return f"{text} {told}" if (told := _along(swept(scores), total)) else text


class At(NamedTuple):
    """A value of a dial in words ("beta 4"), and what was measured there."""

    name: str
    rate: Score
    distortion: Score

    @property
    def total(self) -> float:
        return self.rate.value + self.distortion.value


def named(dial: Dial | None, value: float) -> str:
    """ "beta 4"."""
    return f"{dial.field if dial else ''} {value:g}"


def learned_again(rep: Representation, features: Features, field: str, value: float) -> Representation:
    """The method of `rep` with another value of one field, learned from the same items, with its seed, steps, batch and optimisers."""
    assert features.source is not None, "a representation is asked of its source"
    facts = rep.facts
    method = dataclasses.replace(rep.method, **{field: value})
    index = np.arange(len(features.source)) if facts.get("trained_on") == "all" else None
    optims = plain.restore(facts.get("optims", {}), {"Optim": Optim}, dict[str, Optim], "optims")
    settings = train.Settings(
        int(facts.get("seed", 0)), steps=facts.get("steps"), batch=facts.get("batch"), optims=optims, device=str(rep.device),
        precision="float64" if str(rep.dtype) == "torch.float64" else "float32",
    )  # fmt: skip
    return Representation.of(train.fit(method, features.source, settings, index=index))


def swept(scores: Scores) -> list[At]:
    """The points along the dial, in the order of its values."""
    found = []
    for score in scores:
        metric, at, name = score.metric.partition("@")
        other = scores.get(f"{DISTORTION}@{name}")
        if metric == RATE and at and score.control is None and other is not None:
            found.append(At(name, score, other))
    return found


def _along(points: list[At], total: float) -> str:
    """Where the model stands among those of its dial."""
    if len(points) < 2:
        return ""
    first, last = points[0], points[-1]
    best = min(points, key=lambda p: p.total)
    way = f"From {first.name} to {last.name} the rate goes from {first.rate.value:,.1f} to {last.rate.value:,.1f}"
    way += f" and the distortion from {first.distortion.value:,.1f} to {last.distortion.value:,.1f}"
    apart = total - best.total
    where = "which is this model's too" if abs(apart) < 0.05 else f"{abs(apart):,.1f} {'less' if apart > 0 else 'more'} than this model's"
    return f"{way}; the fewest in all are {best.total:,.1f} at {best.name}, {where}."


def curve(scores: Scores) -> Curves | None:
    """The curve along the dial, this model, and the line of all that take as many nats as it does."""
    rate, distortion = scores.get(RATE), scores.get(DISTORTION)
    if rate is None or distortion is None:
        return None
    points, total = swept(scores), rate.value + distortion.value
    own = _line("this method", [At("", rate, distortion)])
    lines = []
    if len(points) > 1:
        ordered = sorted(points, key=lambda p: p.rate.value)
        ends = f"{ordered[0].name} (left) to {ordered[-1].name} (right)"
        low, high = ordered[0], ordered[-1]
        deep = min(p.distortion.value for p in points), max(p.distortion.value for p in points)
        a, b = max(low.rate.value, total - deep[1]), min(high.rate.value, total - deep[0])
        lines = [_line(ends, ordered)]
        if a < b:
            lines.append(Curve("as many nats in all as this method", (a, b), (total - a, total - b), marked=False))
    return Curves("Rate and distortion of test items", "rate, nats an item", "distortion, nats an item", (own, *lines))


def _line(name: str, points: list[At]) -> Curve:
    ends = [(p.distortion.low, p.distortion.high) for p in points]
    known = all(low is not None and high is not None for low, high in ends)
    low, high = (tuple(float(e[i] or 0.0) for e in ends) if known else () for i in (0, 1))
    return Curve(name, tuple(p.rate.value for p in points), tuple(p.distortion.value for p in points), low, high)
