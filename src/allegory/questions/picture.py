"""What a question may show beside its numbers, as values: curves, a heat map, points. Pages draw them; files keep them as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

from allegory.questions.intervals import Evidence

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Curve:
    """`y` over `x`, with the ends of its intervals where there are some; `marked` where its points were measured."""

    name: str
    x: Numbers
    y: Numbers
    low: Numbers = ()
    high: Numbers = ()
    marked: bool = True

    @staticmethod
    def of(name: str, x: Numbers, each: Sequence[Evidence], low: float = 0.0, high: float = 1.0) -> "Curve":
        """Values with their 95 % intervals, kept within [`low`, `high`]."""
        ends = [e.interval(low, high) for e in each]
        return Curve(name, x, tuple(e.value for e in each), tuple(below for below, _ in ends), tuple(above for _, above in ends))


@dataclass(frozen=True)
class Curves:
    """Curves on shared axes named `across` and `up`; `log` spaces the x axis by ratios. `level` is a line to compare with (chance)."""

    title: str
    across: str
    up: str
    curves: tuple[Curve, ...]
    log: bool = False
    level: float | None = None


@dataclass(frozen=True)
class Heat:
    """A matrix `values[row][column]` between `low` and `high`; below 0 in another colour than above. NaN is left white."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[Numbers, ...]
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Series:
    """Named points; `marks` names each point where that helps."""

    name: str
    x: Numbers
    y: Numbers
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Points:
    """Points on axes named `across` and `up`; `diagonal` draws y = x."""

    title: str
    across: str
    up: str
    series: tuple[Series, ...]
    diagonal: bool = False


@dataclass(frozen=True)
class Disc:
    """Named nodes in the Poincare disc, and `edges`, each the numbers of a node and of one next above it."""

    title: str
    x: Numbers
    y: Numbers
    names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]


Picture = Curves | Heat | Points | Disc
PICTURES: dict[str, type] = {cls.__name__: cls for cls in (Curve, Curves, Heat, Series, Points, Disc)}
