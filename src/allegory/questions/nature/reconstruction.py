r"""How much of an observation does its code give back? $\hat x = \mathrm{decode}(\mathrm{encode}(x))$ of the test items.

**share_of_variance** $= 1 - \sum_i |x_i - \hat x_i|^2 / \sum_i |x_i - \bar x|^2$ with $\bar x$ the mean of the training items: 1 is
everything, 0 is what the mean gives without any code, below 0 is worse than that. **mse** is the mean squared error a number in stored
units (pixel levels; for tables in standardised columns, so that each weighs the same).

**What it says.** PCA of the same size stands beside it, the best that any linear code of that size can do on the training items (Baldi
and Hornik 1989), and so does the network untrained. A good reconstruction is no good representation: copying everything reconstructs
best, and what matters may be a few pixels.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.decomposition import PCA
from torch import Tensor

from allegory.core import Paper
from allegory.questions import intervals
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.given_back import Terms, flat
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

LEARNED = 1 << 26  # numbers that PCA learns from, at most


@final
@dataclass(frozen=True)
class Reconstruction(Question):
    """The share of the variance of at most `most` test items that codes give back."""

    most: int = 2048

    card: ClassVar[QuestionCard] = QuestionCard(
        name="reconstruction", asks="How much of an observation does its code give back?",
        needs=("decode",), better="higher", beside=("untrained",), gains=("share_of_variance",),
        paper=Paper("Baldi and Hornik", "Neural networks and principal component analysis: learning from examples without local minima",
                    1989, "https://doi.org/10.1016/0893-6080(89)90014-2", "section 2"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"decode(encode(x)) of at most {self.most} test items as methods see them; variance around the training mean; mse in stored "
            "units for images, in standardised columns for tables"
        )

    def rows(self, features: Features) -> Int[Tensor, " n"]:
        return evenly(features.parts["test"], self.most)

    def size(self, features: Features) -> tuple[int, str]:
        return len(self.rows(features)), "test"

    def missing(self, features: Features) -> str:
        few = len(self.rows(features)) < 2
        return super().missing(features) or (f"{self.card.name} was not asked: fewer than 2 test items" if few else "")

    def references(self, features: Features) -> dict[str, CodeSet]:
        """PCA with as many components as the method's code has numbers."""
        return features.stand_ins("pca")

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        terms, rows = Terms.of(features), self.rows(features)
        x, train = flat(terms.seen(features, rows)), flat(terms.seen(features, self._learned(features, terms)))
        back = self._back(subject, rows, x, train)
        if not torch.isfinite(back).all():
            return {}
        error, spread = ((x - other).square().sum(1).numpy() for other in (back, train.mean(0)))
        return evidence(error, spread, x.shape[1] / terms.scale**2, features.seed)

    def _learned(self, features: Features, terms: Terms) -> Tensor:
        size = flat(terms.seen(features, features.parts["train"][:1])).shape[1]
        return evenly(features.parts["train"], max(2, LEARNED // size))

    def _back(self, subject: Subject, rows: Tensor, x: Tensor, train: Tensor) -> Float[Tensor, "n d"]:
        if subject.rep is not None:
            return flat(subject.rep.decode(subject.z[rows]))
        return by_components(x, train, subject.z.shape[1])

    def words(self, scores: Scores) -> str:
        own = scores.get("share_of_variance")
        if own is None:
            return ""
        named = (("pca", "PCA with as many numbers"), ("untrained", "the network before training"))
        beside = [f"{what} gives {s.value:.0%}" for who, what in named if (s := scores.get("share_of_variance", who))]
        text = f"The codes give back {own.value:.0%} of what differs between test items and the average item"
        return text + (f"; {', '.join(beside)}." if beside else ".")


def by_components(x: Float[Tensor, "n d"], train: Float[Tensor, "t d"], q: int) -> Float[Tensor, "n d"]:
    """What at most q principal components of the training items give back."""
    model = PCA(min(q, *train.shape), random_state=0).fit(train.numpy())
    return torch.as_tensor(model.inverse_transform(model.transform(x.numpy())))


def evidence(
    error: Float[np.ndarray, " n"], spread: Float[np.ndarray, " n"], numbers: float | Float[np.ndarray, " n"], seed: int
) -> dict[str, Evidence]:
    """From the squared error of every item, its squared distance to the mean, and the numbers an item has (in squared stored units),
    by bootstrap over items."""
    weights, numbers = intervals.resamplings(len(error), seed).astype(np.float64), np.broadcast_to(numbers, error.shape)
    shares = 1.0 - (weights @ error) / np.maximum(weights @ spread, 1e-300)
    found = {"mse": Evidence(np.array([error.sum() / numbers.sum()]), weights @ error / np.maximum(weights @ numbers, 1e-300))}
    if spread.sum() > 0:  # else all items are the mean: there is nothing to give back
        found["share_of_variance"] = Evidence(np.array([1.0 - error.sum() / spread.sum()]), shares)
    return found
