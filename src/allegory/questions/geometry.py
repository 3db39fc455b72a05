"""How do the codes lie on the sphere? Uniformity of all codes, and alignment of two views of the same item (Wang and Isola 2020).

Neither reads a label. Low values of both together went with good representations; either alone is easily had (collapsed codes align
perfectly, random codes are uniform). The two views are the default augmentation of the data, the same for every method and control.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory import measures
from allegory.core import Paper
from allegory.questions import intervals
from allegory.questions.features import Features, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard

GROUPS = 16
PAPER = Paper(
    "Wang and Isola", "Understanding contrastive representation learning through alignment and uniformity on the hypersphere", 2020,
    "https://arxiv.org/abs/2005.10242", "section 4.1",
)  # fmt: skip


@final
@dataclass(frozen=True)
class Uniformity(Question):
    """log E exp(-2 |f - g|^2) over pairs of at most `most` test items."""

    most: int = 2048

    card: ClassVar[QuestionCard] = QuestionCard(
        name="uniformity", asks="How evenly do the codes cover the sphere?", needs=(), better="lower", bounds=(-8.0, 0.0), paper=PAPER
    )

    def settings(self) -> str:
        return f"log E exp(-2 |f - g|^2) of codes on the unit sphere, at most {self.most} test items"

    def size(self, features: Features) -> tuple[int, str]:
        return len(evenly(features.parts["test"], self.most)), "test"

    def missing(self, features: Features) -> str:
        return (
            ""
            if len(features.parts["test"]) >= 2 * GROUPS
            else f"uniformity was not asked: the test part has fewer than {2 * GROUPS} items"
        )

    def measure(self, z: Tensor, pair: tuple[Tensor, Tensor] | None, features: Features) -> dict[str, Evidence]:
        del pair
        f = measures.on_sphere(z[evenly(features.parts["test"], self.most)].double())
        value, without = log_mean_potential(f, GROUPS)
        return {"uniformity": intervals.jackknife(value, without, features.seed)}


def log_mean_potential(f: Float[Tensor, "n z"], groups: int) -> tuple[float, Float[np.ndarray, " g"]]:
    """`measures.uniformity(f)`, and its values without the items of each group (item i is in group i mod g)."""
    potential = torch.exp(-2.0 * (2.0 - 2.0 * f @ f.T).clamp_min(0.0)).fill_diagonal_(0.0)
    group = torch.nn.functional.one_hot(torch.arange(len(f)) % groups, groups).to(f.dtype)
    between = group.T @ potential @ group
    left = len(f) - group.sum(0)
    without = between.sum() - between.sum(0) - between.sum(1) + between.diagonal()
    value = torch.log(between.sum() / (len(f) * (len(f) - 1)))
    return float(value), torch.log(without / (left * (left - 1))).numpy()


@final
@dataclass(frozen=True)
class Alignment(Question):
    """E |f - f+|^2 over two views of each of some test items."""

    card: ClassVar[QuestionCard] = QuestionCard(
        name="alignment", asks="How near are the codes of two views of an item?", needs=("pairs",), better="lower", bounds=(0.0, 4.0),
        paper=PAPER,
    )  # fmt: skip

    def settings(self) -> str:
        return "E |f - f+|^2 of codes on the unit sphere, two default views of test items"

    def size(self, features: Features) -> tuple[int, str]:
        return features.viewed, "test"

    def missing(self, features: Features) -> str:
        if all(codes.pairs is None for codes in features.sets.values()):
            return "alignment was not asked: these codes come without a way to encode two views of an item"
        return "" if features.viewed >= 2 * GROUPS else f"alignment was not asked: the test part has fewer than {2 * GROUPS} items"

    def measure(self, z: Tensor, pair: tuple[Tensor, Tensor] | None, features: Features) -> dict[str, Evidence]:
        del z
        assert pair is not None, "asked of sets with pairs only"
        f, positive = (measures.on_sphere(codes.double()) for codes in pair)
        each = (f - positive).square().sum(1)
        group = torch.arange(len(each)) % GROUPS
        without = np.array([float(each[group != g].mean()) for g in range(GROUPS)])
        return {"alignment": intervals.jackknife(float(measures.alignment(f, positive)), without, features.seed)}
