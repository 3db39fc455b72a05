"""What questions about the codes of some items share: which items, their intervals, and the data that they came from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Problem, tree
from allegory.data import Intake, Part
from allegory.questions import intervals
from allegory.questions.encoders import raw_input
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question

GROUPS = 16


@dataclass(frozen=True)
class OnItems(Question):
    """A question of at most `most` items of one part, evenly spaced and the same for the method and everything beside it."""

    most: int = 2048

    part: ClassVar[Part] = "test"
    fewest: ClassVar[int] = 2 * GROUPS

    def rows(self, features: Features) -> Int[Tensor, " n"]:
        """The numbers of the items."""
        return evenly(features.parts[self.part], self.most)

    def size(self, features: Features) -> tuple[int, str]:
        return len(self.rows(features)), self.part

    def missing(self, features: Features) -> str:
        few = f"{self.card.name} was not asked: the {self.part} part has fewer than {self.fewest} items"
        return super().missing(features) or ("" if len(self.rows(features)) >= self.fewest else few)


def unanswered(subject: Subject, reason: str) -> dict[str, Evidence]:
    """What `measure` returns when these codes have no answer: nothing for a control, which is then left out.

    Raises `Problem` with the reason for the method itself.
    """
    if subject.who is None:
        raise Problem(reason)
    return {}


def certain(value: float) -> Evidence:
    """The evidence for what is counted and not measured."""
    return Evidence(np.array([float(value)]), np.full(intervals.REPLICATES, float(value)))


def of_mean(each: Float[Tensor, " n"], seed: int) -> Evidence:
    """The evidence for a mean over items."""
    return leaving_out(lambda rows: float(each[rows].mean()), len(each), seed)


def leaving_out(f: Callable[[Int[Tensor, " q"]], float], n: int, seed: int, groups: int = GROUPS) -> Evidence:
    """The evidence for `f` of n items, from its values without the items of each group (item i is in group i mod `groups`)."""
    return leaving_out_each(lambda rows: {"": f(rows)}, n, seed, groups)[""]


def leaving_out_each(f: Callable[[Int[Tensor, " q"]], dict[str, float]], n: int, seed: int, groups: int = GROUPS) -> dict[str, Evidence]:
    """As `leaving_out`, for several values at once, by name."""
    group = torch.arange(n) % groups
    without = [f(torch.nonzero(group != g)[:, 0]) for g in range(groups)]
    whole = f(torch.arange(n))
    return {name: intervals.jackknife(value, np.array([w[name] for w in without]), seed) for name, value in whole.items()}


def observed(features: Features, index: Int[Tensor, " q"]) -> Float[Tensor, "q d"]:
    """The data of some items as flat numbers: the raw input, whether or not it is among the controls.

    Raises `Problem` when the codes came without their data.
    """
    if raw := features.sets.get("raw input"):
        return raw.seeds[0][index]
    if features.source is None:
        raise Problem("the data that these codes came from are not at hand; give the source beside the codes")
    intake = Intake.fit(features.source, features.source.part("train"))
    return raw_input(intake(tree.to(features.stored(index), "cpu")))


def halving(f: Callable[[Int[Tensor, " q"]], float], n: int, seed: int, times: int = GROUPS) -> Evidence:
    """The evidence for `f` of n items where no formula knows its spread, from its values on random halves of them (Shao and Wu 1989).

    A half differs from the whole about as much as the whole from another sample of its size.
    """
    rng = np.random.default_rng([seed, n, times])
    halves = np.array([f(torch.as_tensor(np.sort(rng.permutation(n)[: n // 2]))) for _ in range(times)])
    weights = rng.standard_normal((intervals.REPLICATES, times))
    value = f(torch.arange(n))
    return Evidence(np.array([value]), value + weights @ (halves - halves.mean()) / np.sqrt(times - 1))
