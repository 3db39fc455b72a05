"""How much do a few labels buy? The classes read off the codes with 1, 2, 4 and 8 labelled items a class.

Twenty stratified draws of labelled items from the training part, the same for the method and for every control; a smaller draw is part
of the larger. Nothing else reads a label: the codes are standardised by the whole training part without its labels, and the strength of
the classifier is fixed at 1 (scikit-learn's C = 1). All draws are solved at once.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from allegory.core import Paper
from allegory.questions import intervals, logistic, probing
from allegory.questions.features import Features
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard

MOST_NUMBERS = 1 << 24  # rows x features of the draws that are solved at once


@final
@dataclass(frozen=True)
class FewLabels(Question):
    """`counts`: labels a class; those are asked for which every class has enough labelled training items."""

    counts: tuple[int, ...] = (1, 2, 4, 8)
    draws: int = 20
    strength: float = 1.0

    card: ClassVar[QuestionCard] = QuestionCard(
        name="few_labels",
        asks="How well are the classes read off the codes with a few labels a class?",
        needs=("labels",), better="higher", bounds=(0.0, 1.0),
        paper=Paper("Hénaff et al.", "Data-efficient image recognition with contrastive predictive coding", 2020,
                    "https://arxiv.org/abs/1905.09272", "section 4.1"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"{self.draws} stratified nested draws, multinomial logistic regression of strength {self.strength:g} on codes standardised "
            f"by the training part without labels"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(features.labelled("test")), "test"

    def possible(self, features: Features) -> tuple[int, ...]:
        """The counts for which every class has enough labelled training items."""
        sizes = features.class_sizes("train")
        return tuple(k for k in self.counts if k <= int(sizes[sizes > 0].min()))

    def missing(self, features: Features) -> str:
        return super().missing(features) or ("" if self.possible(features) else self.remark(features))

    def remark(self, features: Features) -> str:
        left_out = ", ".join(str(k) for k in self.counts if k not in self.possible(features))
        if not left_out:
            return ""
        sizes = features.class_sizes("train")
        least = int(torch.where(sizes > 0, sizes, sizes.max() + 1).argmin())
        have = f"{int(sizes[least])} labelled training item{'s' if sizes[least] > 1 else ''}"
        return f"few_labels: no draws of {left_out} labels a class, as class {features.names[least]!r} has {have}"

    def drawn(self, features: Features) -> Int[np.ndarray, "draws k c"]:
        """Item numbers: `[d, :k]` are the labelled items of draw d with k labels a class. They depend on labels, parts and seed only."""
        most = max(self.possible(features))
        train = features.labelled("train").numpy()
        y = features.labels.numpy()[train]
        by_class = [train[y == c] for c in np.unique(y)]
        rngs = [np.random.default_rng([features.seed, d]) for d in range(self.draws)]
        return np.stack([np.stack([rng.permutation(rows)[:most] for rows in by_class], axis=1) for rng in rngs])

    def measure(self, z: Tensor, pair: tuple[Tensor, Tensor] | None, features: Features) -> dict[str, Evidence]:
        del pair
        test = probing.Labelled.of(features, "test")
        z = probing.standardised(z, features.parts["train"])
        draws = torch.as_tensor(self.drawn(features))
        found: dict[str, Evidence] = {}
        for k in self.possible(features):
            hits = self._hits(z, draws[:, :k].flatten(1), test, features)
            accuracy, balanced = intervals.of_hits(hits.numpy(), test.y.numpy(), features.seed)
            found |= {f"accuracy@{k}": accuracy, f"balanced_accuracy@{k}": balanced}
        return found

    def _hits(self, z: Tensor, index: Tensor, test: probing.Labelled, features: Features) -> Tensor:
        """(draws, n) bool: which test items the classifier of each draw gets right."""
        x, at_once = z[test.index], max(1, MOST_NUMBERS // (index.shape[1] * z.shape[1]))
        parts = []
        for rows in index.split(at_once):
            linear = logistic.fit(z[rows], features.labels[rows], features.classes, self.strength, tolerance=1e-4)
            parts.append(linear.logits(x).argmax(2) == test.y)
        return torch.cat(parts)
