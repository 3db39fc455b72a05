r"""Are the samples right? As many samples as real test items, compared as sets, beside real training items in their place.

- **mmd2**: $\sup_{|f| \le 1} (E f(x) - E f(y))$ squared, over the unit ball of a Gaussian kernel's space (Gretton et al. 2012), unbiased.
- **energy_distance**: $2E|x-y| - E|x-x'| - E|y-y'|$, unbiased; **sliced_wasserstein**: $W_2$ along random directions.
- **told_apart**: the accuracy of a small network that tells real from sampled, on items it has not seen; 50 % is the best
  (Lopez-Paz and Oquab 2017).
- **precision**: the share of samples near a real item; **recall**: the share of real items near a sample (Kynkäänniemi et al. 2019).

**What it says.** Every finite sample differs from every other: only the distance above "real data" counts. Low precision: samples that
look like nothing real. Low recall: real items that are never sampled (mode collapse). A method that repeats training items would do as
well as "real data" here: it tells fidelity, not novelty.

Deviates: the papers on images compare the features of a classifier trained on ImageNet; here distances are those of the observations
themselves, as no outside network is at hand, and pixels far apart may look alike. Samples of data with levels are put on the levels
first, else rounding alone would tell them apart.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Paper
from allegory.measures import samples
from allegory.questions import intervals
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.given_back import Terms
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

REAL, GAUSSIAN = "real data", "one Gaussian"
GROUPS = 16
DIRECTIONS = 256


@final
@dataclass(frozen=True)
class Samples(Question):
    """At most `most` samples against as many test items; `k` neighbours make the radius of precision and recall."""

    most: int = 1000
    k: int = 3

    card: ClassVar[QuestionCard] = QuestionCard(
        name="samples", asks="Are the samples like the data, and is all of the data sampled?",
        needs=("sample",), better="depends", beside=("untrained",), gains=(),
        paper=Paper("Kynkäänniemi et al.", "Improved precision and recall metric for assessing generative models", 2019,
                    "https://arxiv.org/abs/1904.06991", "equation 1"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"at most {self.most} samples (seed 0, on the data's levels) against as many test items, as vectors (images of more than 3072 "
            f"numbers averaged down); Gaussian kernel of the median distance of test items; {DIRECTIONS} directions; k = {self.k}; "
            "one hidden layer of 20, 100 epochs, on half of both"
        )

    def rows(self, features: Features) -> Int[Tensor, " n"]:
        """The test items: no more than there are training items to stand for the real data."""
        return evenly(features.parts["test"], min(self.most, len(features.parts["train"])))

    def size(self, features: Features) -> tuple[int, str]:
        return len(self.rows(features)), "test"

    def missing(self, features: Features) -> str:
        few = len(self.rows(features)) < 2 * GROUPS
        return super().missing(features) or (f"{self.card.name} was not asked: fewer than {2 * GROUPS} test items" if few else "")

    def references(self, features: Features) -> dict[str, CodeSet]:
        """Training items in the place of samples, and draws from a Gaussian with their mean and covariance."""
        return features.stand_ins(REAL, GAUSSIAN)

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        terms, rows = Terms.of(features), self.rows(features)
        real, fake = terms.vectors(terms.seen(features, rows)), self._fake(subject, features, terms, len(rows))
        if not torch.isfinite(fake).all():
            return {}
        return self._distances(real, fake, features.seed) | self._shares(real, fake, features.seed)

    def _fake(self, subject: Subject, features: Features, terms: Terms, n: int) -> Float[Tensor, "n d"]:
        if subject.rep is not None:
            return terms.vectors(subject.rep.sample(n))
        train = terms.vectors(terms.seen(features, evenly(features.parts["train"], max(n, 4 * self.most))))
        rng = np.random.default_rng([features.seed, 41])
        if subject.who == REAL:
            return train[torch.as_tensor(np.sort(rng.choice(len(train), n, replace=False)))]
        return terms.on_levels(gaussian_draws(train, n, rng))

    def _distances(self, real: Tensor, fake: Tensor, seed: int) -> dict[str, Evidence]:
        both = torch.cat([real, fake])
        kernels = {"mmd2": samples.gaussian_kernel(both, samples.median_distance(real)), "energy_distance": samples.minus_distance(both)}
        found = {m: intervals.jackknife(*samples.discrepancies(k, len(real), GROUPS), seed) for m, k in kernels.items()}
        axes = torch.as_tensor(np.random.default_rng([seed, 42]).standard_normal((real.shape[1], DIRECTIONS)))
        group = torch.arange(len(real)) % GROUPS
        without = np.array([samples.sliced_wasserstein(real[group != g], fake[group != g], axes) for g in range(GROUPS)])
        return found | {"sliced_wasserstein": intervals.jackknife(samples.sliced_wasserstein(real, fake, axes), without, seed)}

    def _shares(self, real: Tensor, fake: Tensor, seed: int) -> dict[str, Evidence]:
        right, side = samples.told_apart(real, fake, np.random.default_rng([seed, 43]))
        hits = {"told_apart": (right, side.astype(np.int64))}
        for name, near in (("precision", samples.covered(real, fake, self.k)), ("recall", samples.covered(fake, real, self.k))):
            hits[name] = (near.numpy(), np.zeros(len(near), dtype=np.int64))
        return {name: intervals.of_hits(hit[None], truth, seed)[0] for name, (hit, truth) in hits.items()}

    def words(self, scores: Scores) -> str:
        named = ("precision", "recall", "told_apart")
        own, real = ([scores.get(m, who) for m in named] for who in (None, REAL))
        if None in own or None in real:
            return ""
        (precision, recall, apart), (best_precision, best_recall, best_apart) = ([s.value for s in row if s] for row in (own, real))
        return (
            f"{precision:.0%} of the samples lie where real items are (real items themselves: {best_precision:.0%}), and {recall:.0%} of "
            f"the real items have samples around them (real: {best_recall:.0%}). A small network tells samples from real items in "
            f"{apart:.0%} of the cases; 50 % would be guessing, and for real against real it is {best_apart:.0%}."
        )


def gaussian_draws(x: Float[Tensor, "t d"], n: int, rng: np.random.Generator) -> Float[Tensor, "n d"]:
    """Draws with the mean and the covariance of `x`: standard normal mixtures of its centred rows, which needs no d x d matrix."""
    mean = x.mean(0)
    weights = torch.as_tensor(rng.standard_normal((n, len(x)))) / (len(x) - 1) ** 0.5
    return mean + weights @ (x - mean)
