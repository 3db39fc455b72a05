r"""What is lost when items are noisy, or when half of what is in them is missing?

A linear reader learns on the codes of clean training items and then reads test items that were made worse before they were encoded:

$$ \text{lost} = \text{accuracy(clean)} - \text{accuracy(worse)} $$

on the same test items, with the same noise for everybody. **Noise** is Gaussian, of 0.08, 0.18 and 0.38 of the range of the pixels, the
severities 1, 3 and 5 of ImageNet-C (Hendrycks and Dietterich 2019, section 4.1), or of 0.25, 0.5 and 1 of a column's standard deviation.
**Missing** are half of the pixels or numbers, drawn for every item; the training mean stands in their place.

A small loss says that the code holds what matters by more than single numbers. A code that reads little loses little too, so look at the
accuracies beside it: a raw input that falls from 60 to 55 percent is not sturdier than a code that falls from 95 to 80. Nothing is learned
on the worse items; views at learning that add noise, or hide parts, are what usually buys this.

Deviates: ImageNet-C divides by the errors of AlexNet; here differences of accuracies stand beside the raw input and the untrained network.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from allegory.core import Array, Paper, Tree
from allegory.data import Source
from allegory.questions import intervals, items, probing, telling
from allegory.questions.corrupted import Corruption, Scale, Scales
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.logistic import Linear
from allegory.questions.picture import Curve, Curves, Picture
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.questions.uses.linear_probe import LinearProbe

TITLE = "Benchmarking neural network robustness to common corruptions and perturbations"
BATCH = 256
SAMPLE = 2048  # training items that the scale of noise is taken from
SHOWN: tuple[str | None, ...] = (None, "raw input", "untrained")


@final
@dataclass(frozen=True)
class Robustness(Question):
    """Noise of `pixels` of the range of images, or of `numbers` of the standard deviations of vectors; `missing_share` of the places
    missing. Read by a probe of at most `train` labelled training items; asked of at most `most` labelled test items."""

    pixels: tuple[float, ...] = (0.08, 0.18, 0.38)
    numbers: tuple[float, ...] = (0.25, 0.5, 1.0)
    missing_share: float = 0.5
    most: int = 1000
    train: int = 5000

    card: ClassVar[QuestionCard] = QuestionCard(
        name="robustness", asks="What is lost when items are noisy or half missing?",
        needs=("labels", "encode"), better="higher", bounds=(-1.0, 1.0), beside=("raw input", "untrained", "supervised"),
        gains=("noisy_accuracy", "masked_accuracy"),
        paper=Paper("Hendrycks and Dietterich", TITLE, 2019, "https://arxiv.org/abs/1903.12261", "section 4.1"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"noise of {self.pixels} of the range of pixels or {self.numbers} standard deviations of a column; "
            f"{self.missing_share:g} of the pixels or numbers replaced by their training mean; at most {self.most} test items; "
            f"logistic regression on at most {self.train} clean training items, strength by validation"
        )

    def rows(self, features: Features) -> Tensor:
        return evenly(features.labelled("test"), self.most)

    def size(self, features: Features) -> tuple[int, str]:
        return len(self.rows(features)), "test"

    def missing(self, features: Features) -> str:
        reason = super().missing(features)
        return reason or ("" if features.source is not None else "robustness was not asked: these codes come without their items")

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        clean, worse = self.hits(subject, features)
        rows = self.rows(features)
        if not np.all([len(hits) for hits in worse.values()]):
            return items.unanswered(subject, "the codes of worse items are NaN or infinite")
        truth = features.labels[rows].numpy()
        of = partial(_accuracy, truth=truth, seed=features.seed)
        each = {name: of(hits) for name, hits in worse.items()}
        noisy = [e for name, e in each.items() if name.startswith("noisy")]
        middling = Evidence(np.mean([e.values for e in noisy], axis=0), np.mean([e.replicates for e in noisy], axis=0))
        whole = of(clean)
        masked = next(e for name, e in each.items() if name.startswith("masked"))
        return {"lost@noise": whole.minus(middling), "lost@missing": whole.minus(masked), "clean_accuracy": whole, **each}

    def hits(self, subject: Subject, features: Features) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Which test items are read rightly when clean, and when worse by metric; empty where codes are not finite."""
        rows, reference = self.rows(features), features.parts["train"]
        y = features.labels[rows]
        reader = self._reader(probing.standardised(subject.z, reference), features)

        def right(z: Tensor) -> np.ndarray:
            if not torch.isfinite(z).all():
                return np.zeros(0, dtype=bool)
            both = probing.standardised(torch.cat([subject.z, z]), reference)
            return np.asarray((reader.logits(both[len(subject.z) :])[0].argmax(1) == y).numpy())

        scales = Scales.of(_source(features), features.stored(evenly(reference, SAMPLE)))
        worse = {}
        for number, (name, how) in enumerate(self.ways(features).items()):
            rng = np.random.default_rng([features.seed, 81, number])
            worse[name] = right(self._codes(subject, features, partial(scales.changed, how=how, rng=rng)))
        return right(subject.z[rows]), worse

    def ways(self, features: Features) -> dict[str, Corruption]:
        """What is done to the items, by metric."""
        strengths = self.strengths(features)
        noise: dict[str, Corruption] = {f"noisy_accuracy@{s:g}": partial(_noisy, strength=s) for s in strengths}
        return {**noise, f"masked_accuracy@{self.missing_share:g}": partial(_masked, share=self.missing_share)}

    def strengths(self, features: Features) -> tuple[float, ...]:
        return self.pixels if _images(features) else self.numbers

    def _reader(self, z: Tensor, features: Features) -> Linear:
        """The linear probe, on clean codes."""
        few = {part: evenly(features.labelled(part), self.train) for part in ("train", "validation")}
        return LinearProbe().choose(z, dataclasses.replace(features, parts={**features.parts, **few}))

    def _codes(self, subject: Subject, features: Features, change: Callable[[Tree], Tree]) -> Tensor:
        assert subject.encoder is not None, "the card needs one"
        return torch.cat([subject.encoder.codes(change(features.stored(part))) for part in self.rows(features).split(BATCH)])

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        truth = features.labels[self.rows(features)].numpy()
        curves = []
        for who in (w for w in SHOWN if w in features.sets):
            asked = subject if who is None else next(iter(features.sets[who].subjects(who)))
            clean, worse = self.hits(asked, features)
            noisy = [clean, *(hits for name, hits in worse.items() if name.startswith("noisy"))]
            if all(len(hits) for hits in noisy):
                each = [_accuracy(hits, truth, features.seed) for hits in noisy]
                curves.append(Curve.of(who or "this method", (0.0, *self.strengths(features)), each))
        unit = "of the range of the pixels" if _images(features) else "of a standard deviation"
        return (Curves("Accuracy by the strength of noise", f"noise, {unit}", "accuracy", tuple(curves), level=1.0 / features.classes),)

    def words(self, scores: Scores) -> str:
        clean, noise, missing = (scores.get(m) for m in ("clean_accuracy", "lost@noise", "lost@missing"))
        if not (clean and noise and missing):
            return ""
        who = ("raw input", "untrained")
        return (
            f"Of {clean.value:.0%} right on clean items, noise costs {noise.value:z.0%} on average"
            f"{telling.beside(scores, noise.metric, 'z.0%', who)} and losing half of every item costs {missing.value:z.0%}"
            f"{telling.beside(scores, missing.metric, 'z.0%', who)}."
        )


def _source(features: Features) -> Source:
    assert features.source is not None, "not asked without"
    return features.source


def _images(features: Features) -> bool:
    spec = _source(features).spec
    return isinstance(spec, Array) and spec.is_image


def _noisy(scale: Scale, x: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    return scale.noisy(x, strength, rng)


def _masked(scale: Scale, x: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    return scale.masked(x, share, rng)


def _accuracy(hits: np.ndarray, truth: np.ndarray, seed: int) -> Evidence:
    return intervals.of_hits(hits[None], truth, seed)[0]
