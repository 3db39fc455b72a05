"""How many bits an item does the code take? Bits needed to keep what can be read, and the rate where the method has one.

- `bits`: principal directions of the code, d of them, each rounded to 2^b equal steps over its range (1st to 99th percentile), with the
  smallest d b for which the linear reader keeps 95 % of what it gains over chance on the whole code. The reader learns from rounded codes,
  so a code that needs precise numbers pays for them.
- `rate`: E KL(q(z|x) || p(z)) in bits, for methods whose posteriors give it (codes named "kl"); what the sender of an item would pay with
  the prior as the shared code book (Hinton and van Camp 1993), and the R of rate-distortion (Alemi et al. 2018).

Few bits with the same accuracy: the code has let go of the rest. `bits` is an upper bound, no code book is learned.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from allegory.core import Paper
from allegory.questions import intervals, items, logistic, probing, telling
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

POWERS = (1, 2, 4, 8, 16, 32, 64)
MOST_DIRECTIONS, FLOAT, STRENGTH = 128, 32, 1e-3
TITLE = "Fixing a broken ELBO"


@final
@dataclass(frozen=True)
class Compression(items.OnItems):
    """Readers learn from at most `most` training items; `keep` of what they gain over chance is to be kept."""

    most: int = 4000
    keep: float = 0.95
    depths: tuple[int, ...] = (1, 2, 4, 8)

    card: ClassVar[QuestionCard] = QuestionCard(
        name="compression", asks="How many bits an item does the code take?", needs=(), better="lower",
        bounds=(0.0, float("inf")), beside=("pca", "untrained", "supervised"),
        paper=Paper("Alemi et al.", TITLE, 2018, "https://arxiv.org/abs/1711.00464", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        bits = ", ".join(map(str, self.depths))
        return (
            f"principal directions, powers of two of them, rounded to {bits} bits between the 1st and 99th percentile; logistic "
            f"regression, strength 1e-3 times n, at most {self.most} training items, {self.keep:g} of its gain over chance kept on the "
            "test items"
        )

    def missing(self, features: Features) -> str:
        own = next(iter(features.sets[None].subjects(None)))
        if features.why_no_probe() and not own.can("codes"):
            return f"compression was not asked: {features.why_no_probe()}, and the method has no rate"
        return super().missing(features)

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        rate = self.rate(subject, features)
        bits = {} if features.why_no_probe() else self.bits(subject.z, features)
        if not bits and not rate:
            return items.unanswered(subject, "a linear reader gets no more than chance from the whole code")
        return bits | rate

    def rate(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        """In bits, where the method names a code "kl"."""
        if not subject.can("codes") or subject.rep is None or features.source is None:
            return {}
        codes = subject.rep.codes(features.stored(self.rows(features)))
        return {"rate": items.of_mean(codes["kl"].values.flatten(1).sum(1).double() / math.log(2), features.seed)} if "kl" in codes else {}

    def bits(self, z: Float[Tensor, "n z"], features: Features) -> dict[str, Evidence]:
        """The fewest, with the interval that comes of drawing other test items; {} when nothing can be read."""
        train, test = probing.Labelled.of(features, "train"), probing.Labelled.of(features, "test")
        train = train.take(evenly(torch.arange(len(train)), self.most))
        z = _turned(z.double(), features.parts["train"])
        sizes = [d for d in POWERS if d < z.shape[1]] + [min(z.shape[1], MOST_DIRECTIONS)]
        whole = self.right(probing.standardised(z, features.parts["train"])[None], train, test, features.classes)
        hits, costs = [whole[0]], [float(FLOAT * z.shape[1])]
        for d in sizes:
            rounded = torch.stack([_rounded(z[:, :d], b, features.parts["train"]) for b in self.depths])
            hits += list(self.right(rounded, train, test, features.classes))
            costs += [float(d * b) for b in self.depths]
        chance = float(torch.bincount(test.y).max()) / len(test)
        return self.fewest_bits(torch.stack(hits).numpy(), np.array(costs), chance, features.seed)

    def right(self, x: Float[Tensor, "m n d"], train: probing.Labelled, test: probing.Labelled, classes: int) -> Bool[Tensor, "m t"]:
        """Which test items a reader of each code gets right."""
        y = train.y.expand(len(x), -1)
        readers = logistic.fit(x[:, train.index], y, classes, STRENGTH * len(train), 1e-3)
        logits = x[:, test.index] @ readers.weight.to(x.dtype) + readers.bias.to(x.dtype)[:, None]
        return logits.argmax(2) == test.y

    def fewest_bits(self, hits: Bool[np.ndarray, "m t"], costs: Float[np.ndarray, " m"], chance: float, seed: int) -> dict[str, Evidence]:
        """The least cost that keeps enough of the gain of the first row, the whole code."""
        counts = np.concatenate([np.ones((1, hits.shape[1])), intervals.resamplings(hits.shape[1], seed)])
        accuracy = counts @ hits.T / hits.shape[1]
        if np.quantile(accuracy[1:, 0], 0.025) <= chance:
            return {}
        enough = accuracy >= chance + self.keep * (accuracy[:, :1] - chance)
        least = np.where(enough, costs, np.inf).min(1)
        return {
            "bits": Evidence(least[:1], least[1:]),
            "accuracy of the whole": Evidence(accuracy[:1, 0], accuracy[1:, 0]),
        }

    def words(self, scores: Scores) -> str:
        bits, rate, whole = scores.get("bits"), scores.get("rate"), scores.get("accuracy of the whole")
        said = []
        if bits is not None and whole is not None:
            said.append(
                f"{bits.value:.0f} bits an item keep {self.keep:.0%} of what a linear reader gets from the whole code, whose accuracy is "
                f"{whole.value:.2f}{telling.beside(scores, 'bits', '.0f')}."
            )
        if rate is not None:
            said.append(f"The method's own posteriors carry {rate.value:.1f} bits an item.")
        return " ".join(said)


def _turned(z: Float[Tensor, "n z"], reference: Tensor) -> Float[Tensor, "n r"]:
    """Along the principal directions of the reference items, most variance first; at most `MOST_DIRECTIONS`."""
    mean = z[reference].mean(0)
    known = z[reference][:: max(1, len(reference) // 4096)] - mean
    axes = torch.linalg.svd(known, full_matrices=False).Vh
    return (z - mean) @ axes[:MOST_DIRECTIONS].T


def _rounded(z: Float[Tensor, "n d"], b: int, reference: Tensor) -> Float[Tensor, "n d"]:
    """Every direction rounded to the middles of 2^b equal steps between its 1st and 99th percentile, and those scaled to [-1, 1]."""
    low, high = (torch.quantile(z[reference][:4096], q, dim=0) for q in (0.01, 0.99))
    place = ((z - low) / (high - low).clamp_min(1e-12) * 2**b).floor().clamp(0, 2**b - 1)
    return (place + 0.5) / 2 ** (b - 1) - 1.0
