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

from allegory.core import Paper
from allegory.questions import draws as draws_
from allegory.questions import intervals, probing
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard


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
        needs=("labels",), better="higher", usual=True, bounds=(0.0, 1.0),
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

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        test = probing.Labelled.of(features, "test")
        z = probing.standardised(subject.z, features.parts["train"])
        draws = torch.as_tensor(self.drawn(features))
        found: dict[str, Evidence] = {}
        for k in self.possible(features):
            rows = draws[:, :k].flatten(1)
            scores = draws_.logits(z, rows, features.labels[rows], features.classes, test.index, self.strength)
            hits = scores.argmax(2) == test.y
            accuracy, balanced = intervals.of_hits(hits.numpy(), test.y.numpy(), features.seed)
            found |= {f"accuracy@{k}": accuracy, f"balanced_accuracy@{k}": balanced}
        return found
