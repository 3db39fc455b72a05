"""Is one better than the other? Only scores of equal protocol are compared, by the paired interval where both were measured here."""

import math

from allegory.core import Misuse
from allegory.questions.score import Score


def compare(a: Score, b: Score) -> Score:
    """The gain of `a` over `b`, with its 95 % interval; `control` is that of `b`.

    Paired (resampled together) when both scores still have their evidence. Scores read from files have none: then the intervals' sides
    are added in squares and the metric says "unpaired", which is too wide when the two agree on many items.
    Raises `Misuse` when question, metric or protocol differ.
    """
    for what in ("question", "metric", "protocol"):
        if getattr(a, what) != getattr(b, what):
            raise Misuse(
                f"only scores of one {what} can be compared: {getattr(a, what)!r} is not {getattr(b, what)!r}. Ask both on the same data"
                " with the same settings and seed"
            )
    seeds = min(a.seeds, b.seeds)
    if a.evidence is not None and b.evidence is not None:
        difference = a.evidence.minus(b.evidence)
        low, high = difference.interval()
        return Score(a.question, f"gain in {a.metric}", difference.value, low, high, a.n, seeds, a.split, b.control, a.protocol, difference)
    return Score(a.question, f"unpaired gain in {a.metric}", *_unpaired(a, b), min(a.n, b.n), seeds, a.split, b.control, a.protocol)


def _unpaired(a: Score, b: Score) -> tuple[float, float | None, float | None]:
    value = a.value - b.value
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return value, None, None
    below = math.hypot(a.value - a.low, b.high - b.value)
    above = math.hypot(a.high - a.value, b.value - b.low)
    return value, value - below, value + above
