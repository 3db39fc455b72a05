"""Is the space of codes flat: does half-way between two codes lie something valid?

- `chord_over_geodesic`: the straight distance of two codes over the shortest way from neighbour to neighbour (Tenenbaum et al. 2000),
  averaged. Near 1 where the codes fill a region without bends and holes, less where they lie on a bent sheet.
- `midpoint_gap`, for methods that decode: the distance of decoded midpoints to the nearest item of the data over that of decoded codes of
  items. 1: the midpoint of two codes is as good an item as those that the decoder gives for real ones. Mixing the two pictures pixel by
  pixel instead (`pixel_gap`, items left out of their own neighbours) is what a code without any idea of the data would do.

Both say nothing of whether the midpoint means what lies between.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Paper, tree
from allegory.measures import desiderata, neighbours
from allegory.questions import items, references, telling
from allegory.questions.encoders import raw_input
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "A global geometric framework for nonlinear dimensionality reduction"
AMONG = 4096  # items of the training part among which the nearest is sought


@final
@dataclass(frozen=True)
class Flatness(items.OnItems):
    """Paths along the `k` nearest of at most `most` test items; midpoints of `pairs` of them."""

    most: int = 1024
    k: int = 10
    pairs: int = 256

    card: ClassVar[QuestionCard] = QuestionCard(
        name="flatness", asks="Does half-way between two codes lie something valid?", needs=(), better="depends",
        bounds=(0.0, float("inf")), beside=("pca", "untrained", "supervised"),
        paper=Paper("Tenenbaum et al.", TITLE, 2000, "https://doi.org/10.1126/science.290.5500.2319", "table 1"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"shortest paths along the {self.k} nearest of at most {self.most} test items; midpoints of {self.pairs} pairs, nearest of "
            f"{AMONG} training items in the raw input"
        )

    def references(self, features: Features) -> dict[str, CodeSet]:
        return {references.NOISE: references.noise(features)}

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        rows = self.rows(features)
        z = neighbours.distinct(subject.z[rows])
        if len(z) <= 2 * self.k:
            return items.unanswered(subject, f"only {len(z)} of the codes differ; paths between them need more than {2 * self.k}")
        straight = torch.as_tensor(desiderata.chord_over_geodesic(z, self.k))
        found = {"chord_over_geodesic": items.of_mean(straight, features.seed)}
        # an untrained decoder gives one picture for all codes, whose midpoints are as good as it is
        return found | (self.midpoints(subject, features) if subject.who is None and subject.can("decode") else {})

    def midpoints(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        """The gaps of decoded midpoints, and of mixed pictures."""
        assert subject.rep is not None, "asked of what decodes only"
        rng, rows = np.random.default_rng([features.seed, 47]), self.rows(features)
        one, two = (rows[torch.as_tensor(rng.permutation(len(rows))[: self.pairs])] for _ in range(2))
        among = items.observed(features, evenly(features.parts["train"], AMONG))
        own = self.nearest(_decoded(subject, subject.z[one]), among)
        between = self.nearest(_decoded(subject, (subject.z[one] + subject.z[two]) / 2), among)
        pixels = self.nearest((items.observed(features, one) + items.observed(features, two)) / 2, among)
        real = self.nearest(items.observed(features, one), among)
        return {
            "midpoint_gap": items.leaving_out(lambda kept: float(between[kept].mean() / own[kept].mean()), len(own), features.seed),
            "pixel_gap": items.leaving_out(lambda kept: float(pixels[kept].mean() / real[kept].mean()), len(own), features.seed),
        }

    def nearest(self, x: Float[Tensor, "p d"], among: Float[Tensor, "m d"]) -> Float[Tensor, " p"]:
        """The distance to the nearest of some items."""
        return torch.cdist(x.double(), among.double()).amin(1)

    def words(self, scores: Scores) -> str:
        bent, gap, pixels = (scores.get(m) for m in ("chord_over_geodesic", "midpoint_gap", "pixel_gap"))
        if bent is None:
            return ""
        others = telling.beside(scores, "chord_over_geodesic")
        first = f"The straight way between two codes is {bent.value:.2f} of the way along the codes{others}."
        if gap is None:
            return first
        valid = "as valid as" if gap.value < 1.1 else "nearly as valid as" if gap.value < 1.5 else "less valid than"
        mixed = f"; for mixed pictures it is {pixels.value:.2f} times that of real items" if pixels else ""
        return (
            f"{first} What is decoded half-way between two codes is {valid} what is decoded from codes of items: {gap.value:.2f} times "
            f"their distance to the data{mixed}."
        )


def _decoded(subject: Subject, z: Float[Tensor, "p z"]) -> Float[Tensor, "p d"]:
    assert subject.rep is not None, "asked of what decodes only"
    return raw_input(tree.map(torch.as_tensor, subject.rep.decode(z)))
