"""Every setting beside one of them, seed by seed: what is better than it, by the paired interval."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from allegory.questions.intervals import LEAST_SEEDS, student
from allegory.studies.population import Population, sign
from allegory.studies.statistics import Interval


@dataclass(frozen=True)
class Difference(Interval):
    """The mean of a score less that of the other over `n` training seeds, and Student's 95 % interval of the seeds' differences."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, eq=False)
class Beside:
    """`differences` by (setting, score), settings in the order of the grid; `of`: the setting that all are set beside."""

    of: str
    settings: tuple[str, ...]
    scores: tuple[str, ...]
    differences: dict[tuple[str, str], Difference]

    def better(self, score: str) -> list[str]:
        """The settings that are better than the other one beyond chance; none where a score has no better side."""
        return [s for s in self.settings if (d := self.differences.get((s, score))) and d.clear and d.mean * sign(score) > 0]

    def worse(self, score: str) -> list[str]:
        """Those that are worse beyond chance."""
        return [s for s in self.settings if (d := self.differences.get((s, score))) and d.clear and d.mean * sign(score) < 0]


def difference(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> Difference | None:
    """That of a and b, paired by seed; None for fewer than 3 pairs."""
    d = (a - b)[np.isfinite(a - b)]
    if len(d) < LEAST_SEEDS:
        return None
    half = student(d)
    return Difference(float(d.mean()), float(d.mean()) - half, float(d.mean()) + half, len(d))


def against(population: Population, scores: tuple[str, ...]) -> Beside | None:
    """What the grid's `against` calls for; None where it names nothing, or there are too few pairs of seeds.

    Settings are compared within one data set; with several, differences of all of them are pooled, seed by seed.
    """
    of = population.grid.against
    if of is None:
        return None
    settings = tuple(label for label, _ in population.grid.methods if label != of)
    paired = {(s, name): _difference(population, s, of, name) for s in settings for name in scores}
    found = {place: d for place, d in paired.items() if d}
    return Beside(of, settings, scores, found) if found else None


def _difference(population: Population, setting: str, of: str, name: str) -> Difference | None:
    values = {(t.cell.label, t.cell.data, t.cell.seed): t.value(name) for t in population.trainings}
    both = [(v, values[of, data, seed]) for (label, data, seed), v in values.items() if label == setting and (of, data, seed) in values]
    pairs = np.array(both, dtype=float).reshape(-1, 2)
    return difference(pairs[:, 0], pairs[:, 1])
