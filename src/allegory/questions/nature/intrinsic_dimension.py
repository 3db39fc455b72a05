"""Of how many dimensions is the manifold that the codes lie on, and that of the data? TwoNN, maximum likelihood and local PCA.

The number of directions that codes use (effective rank) counts a curved line in a large space as many; the intrinsic dimension counts it
as one. `measures.dimension` has the formulas. A code of fewer dimensions than the data has let go of something, one of more has added
noise. All three read short distances, where noise counts as dimension, and all fall short above some 20 dimensions; so compare code,
data and controls with each other rather than with the truth.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from allegory.core import Paper
from allegory.data import Part
from allegory.measures import dimension, neighbours
from allegory.questions import items, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "Estimating the intrinsic dimension of datasets by a minimal neighborhood information"


@final
@dataclass(frozen=True)
class IntrinsicDimension(items.OnItems):
    """TwoNN without the tenth of largest ratios; maximum likelihood of the `k` nearest; PCA of the `around` nearest of `spots` items."""

    k: int = 20
    around: int = 100
    spots: int = 256

    part: ClassVar[Part] = "train"
    fewest: ClassVar[int] = 128
    card: ClassVar[QuestionCard] = QuestionCard(
        name="intrinsic_dimension", asks="Of how many dimensions is the manifold that the codes lie on?",
        needs=(), better="depends", bounds=(0.0, float("inf")),
        paper=Paper("Facco et al.", TITLE, 2017, "https://doi.org/10.1038/s41598-017-11873-y", "Methods"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"at most {self.most} training items, copies left out; TwoNN without a tenth; maximum likelihood with MacKay's average of the "
            f"{self.k} nearest; variances above 5 % of the largest around {self.spots} items, {self.around} nearest"
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = neighbours.distinct(subject.z[self.rows(features)])
        if len(z) < self.fewest:
            return items.unanswered(subject, f"only {len(z)} of the codes differ; an intrinsic dimension needs {self.fewest}")
        distances, near = neighbours.nearest(z, min(self.around, len(z) - 1))
        good = distances[:, 0] > 0  # rounding can put different codes at distance 0
        distances, inverse = distances[good], dimension.local_inverse_dimension(distances[good][:, : self.k])
        spots = torch.linspace(0, len(z) - 1, min(self.spots, len(z))).long()
        found = {
            "two_nn": items.leaving_out(lambda rows: dimension.two_nn(distances[rows]), len(distances), features.seed),
            "maximum_likelihood": items.leaving_out(lambda rows: 1.0 / float(inverse[rows].mean()), len(inverse), features.seed),
        }
        return found | {"local_pca": items.of_mean(dimension.local_pca(z, near[spots]), features.seed)}

    def words(self, scores: Scores) -> str:
        own, data = scores.get("two_nn"), scores.get("two_nn", "raw input")
        if own is None:
            return ""
        others = telling.beside(scores, "two_nn", ".1f", ("pca", "untrained", "supervised"))
        first = f"Near each item the codes have some {own.value:.1f} dimensions{others}"
        if data is None or data.low is None or data.high is None:
            return f"{first}."
        if data.low <= own.value <= data.high:
            return f"{first}, as many as the data, {data.value:.1f}."
        if own.value < data.value:
            return f"{first}, the data {data.value:.1f}: the code has let go of some ways in which the data vary."
        return f"{first}, the data {data.value:.1f}: the code varies in ways that the data do not, as with noise or folding."
