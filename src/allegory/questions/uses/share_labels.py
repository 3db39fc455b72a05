"""How well are the classes read off the codes when 1 % or 10 % of the training items have a label? The semi-supervised protocol.

Published for ImageNet (Zhai et al. 2019; Hénaff et al. 2020; Chen et al. 2020, section 6: "we sample 1 % or 10 % of the labelled training
data in a class-balanced way"): a class gets a label on the same share of its items, one at least. Five draws, the smaller part of the
larger, equal for the method and every control; a linear classifier of fixed strength, as nothing else may read a label. With more than
ten classes top-5 accuracy stands beside, as in the papers.

Deviates: the published protocol fine-tunes the network; here the codes are frozen, so that it asks about them.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from allegory.core import Paper
from allegory.questions import draws as draws_
from allegory.questions import intervals, probing, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

MANY_CLASSES = 10


@final
@dataclass(frozen=True)
class ShareLabels(Question):
    """`shares` of the labelled training items, in %."""

    shares: tuple[float, ...] = (1.0, 10.0)
    draws: int = 5
    strength: float = 1.0

    card: ClassVar[QuestionCard] = QuestionCard(
        name="share_labels",
        asks="How well are the classes read off the codes with labels on 1 % or 10 % of the training items?",
        needs=("labels",), better="higher", bounds=(0.0, 1.0),
        paper=Paper("Chen et al.", "A simple framework for contrastive learning of visual representations", 2020,
                    "https://arxiv.org/abs/2002.05709", "section 6, table 7"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"{self.draws} nested draws, the same share of every class and one item at least, multinomial logistic regression of strength "
            f"{self.strength:g} on codes standardised by the training part without labels"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(features.labelled("test")), "test"

    def remark(self, features: Features) -> str:
        sizes = features.class_sizes("train")
        most = int(sizes.max())
        few = [share for share in self.shares if most * share / 100 < 1.5]
        named = ", ".join(f"{share:g} %" for share in few)
        return (
            f"share_labels: {named} of the labels is one item a class here, as the largest class has {most} labelled items" if few else ""
        )

    def drawn(self, features: Features, share: float) -> Int[np.ndarray, "draws r"]:
        """Item numbers of the labelled items of every draw."""
        train = features.labelled("train").numpy()
        y = features.labels.numpy()[train]
        by_class = [train[y == c] for c in np.unique(y)]
        take = [max(1, round(len(rows) * share / 100)) for rows in by_class]
        rngs = [np.random.default_rng([features.seed, 31, d]) for d in range(self.draws)]
        return np.stack([np.concatenate([rng.permutation(rows)[:k] for rows, k in zip(by_class, take, strict=True)]) for rng in rngs])

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        test = probing.Labelled.of(features, "test")
        z = probing.standardised(subject.z, features.parts["train"])
        found: dict[str, Evidence] = {}
        for share in self.shares:
            rows = torch.as_tensor(self.drawn(features, share))
            scores = draws_.logits(z, rows, features.labels[rows], features.classes, test.index, self.strength)
            found |= self._good(scores, test.y, share, features)
        return found

    def _good(self, scores: Tensor, y: Tensor, share: float, features: Features) -> dict[str, Evidence]:
        accuracy, balanced = intervals.of_hits((scores.argmax(2) == y).numpy(), y.numpy(), features.seed)
        found = {f"accuracy@{share:g}%": accuracy, f"balanced_accuracy@{share:g}%": balanced}
        if features.classes > MANY_CLASSES:
            among = (scores >= scores.gather(2, y.expand(len(scores), -1)[..., None])).sum(2) <= 5
            found[f"top5_accuracy@{share:g}%"] = intervals.of_hits(among.numpy(), y.numpy(), features.seed)[0]
        return found

    def words(self, scores: Scores) -> str:
        said = [
            f"With labels on {share:g} % of the training items a linear classifier on the codes gets {own.value:.0%} of the test items "
            f"right{telling.beside(scores, f'accuracy@{share:g}%', '.0%')}."
            for share in self.shares if (own := scores.get(f"accuracy@{share:g}%"))
        ]  # fmt: skip
        return " ".join(said)
