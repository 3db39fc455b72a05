"""What the BetaVAE and FactorVAE scores share: batches of test items with one factor held still, and intervals from the same draws."""

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from allegory.measures.disentanglement import HeldStill
from allegory.measures.disentanglement.factored import TEST_POINTS, TRAIN_POINTS
from allegory.questions import intervals, items
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.nature import _of_factors


@dataclass(frozen=True)
class OnHeldFactors(_of_factors.OnFactors, abc.ABC):
    """`points` to learn from and to judge on, each of `batch` items or pairs."""

    most: int = 20_000
    points: tuple[int, int] = (TRAIN_POINTS, TEST_POINTS)
    batch: int = 64

    found: ClassVar[Callable[..., HeldStill]]

    def drawing(self) -> str:
        """The draws in words, for the settings."""
        return (
            f"batches of {self.batch} from at most {self.most} test items, {self.points[0]} to learn from and {self.points[1]} to judge "
            "on; jackknife over items, from the same draws"
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        more: dict[str, Any] = {"points": self.points, "batch": self.batch, "groups": items.GROUPS}
        rng = np.random.default_rng([features.seed, 55])
        got = type(self).found(self.values(features), self.codes(subject, features), rng, **more)
        return {"accuracy": intervals.jackknife(got.score, got.without, features.seed)}
