"""Can factors be read where their combination was never seen? Linear readers on held-out combinations of two factors.

For every factor k and a partner l (the next one that varies), the combinations with (v_k + v_l) mod 3 = 0 are left out of the training
of a linear reader of factor k; every value of k is seen, though not with every value of l. `accuracy on unseen` is on test items of those
combinations, `accuracy on seen` on the others; their difference is what the reader had tied to the partner. A compositional code loses
little (the true factors lose some as well, since what is left out ties the two factors together); codes that keep each combination as a
thing of its own lose all. After the protocol of Montero et al. 2021, on a reader and not on the decoder; the encoder itself may have
seen all combinations.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from allegory.core import Paper
from allegory.questions import intervals, items, logistic, probing, references, telling
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "The role of disentanglement in generalisation"
PERIOD = 3


@final
@dataclass(frozen=True)
class Compositionality(items.OnItems):
    """Readers learn from at most `most` training items; `strength` is that of |W|^2 / 2 against the mean loss."""

    most: int = 10_000
    strength: float = 1e-4

    card: ClassVar[QuestionCard] = QuestionCard(
        name="compositionality", asks="Can factors be read where their combination was never seen?", needs=("factors",),
        better="higher", bounds=(0.0, 1.0), beside=("pca", "untrained"),
        paper=Paper("Montero et al.", TITLE, 2021, "https://openreview.net/forum?id=qbH974jKUVy", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"multinomial logistic regression on standardised codes, strength {self.strength:g} times n, at most {self.most} training "
            "items without the combinations of each factor with the next whose values sum to a multiple of 3; mean over factors"
        )

    def references(self, features: Features) -> dict[str, CodeSet]:
        return references.floor_and_ceiling(features)

    def missing(self, features: Features) -> str:
        few = "compositionality was not asked: fewer than two factors vary"
        return super().missing(features) or ("" if len(varying(features)) > 1 else few)

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        found = [e for k, partner in varying(features) if (e := self.read(subject.z, k, partner, features))]
        if not found:
            return items.unanswered(subject, "no combination of two factors is both left out of training and among the test items")
        return {f"accuracy on {name}": _mean([pair[i] for pair in found]) for i, name in enumerate(("seen", "unseen"))}

    def read(self, z: Tensor, k: int, partner: int, features: Features) -> tuple[Evidence, Evidence] | None:
        """The accuracy for factor k on seen and on unseen combinations; None where there are none."""
        assert features.factors is not None, "asked with factors only"
        values = torch.as_tensor(features.factors.values)
        y, held = values[:, k], (values[:, k] + values[:, partner]) % PERIOD == 0
        train, test = evenly(features.parts["train"], self.most), features.parts["test"]
        train, seen, unseen = train[~held[train]], test[~held[test]], test[held[test]]
        known = torch.isin(y[unseen], y[train].unique())
        unseen = unseen[known]
        if len(y[train].unique()) < 2 or not len(seen) or not len(unseen):
            return None
        codes = probing.standardised(z, features.parts["train"])
        reader = logistic.fit(codes[train][None], y[train][None], features.factors.sizes[k], self.strength * len(train), 1e-4)
        return tuple(_hits(reader, codes[rows], y[rows], features.seed) for rows in (seen, unseen))  # type: ignore[return-value]

    def words(self, scores: Scores) -> str:
        seen, unseen = scores.get("accuracy on seen"), scores.get("accuracy on unseen")
        if seen is None or unseen is None:
            return ""
        loss = seen.value - unseen.value
        known, new = (scores.get(s.metric, references.TRUTH) for s in (seen, unseen))
        at_best = max(0.0, known.value - new.value) if known and new else 0.0
        how = "no more is lost than the true factors lose" if loss < at_best + 0.02 else "the reader depends on the combination"
        return (
            f"Factors are read with accuracy {seen.value:.2f} in combinations that the reader knows, and {unseen.value:.2f} in those it "
            f"has never seen{telling.beside(scores, 'accuracy on unseen')}: {how}."
        )


def varying(features: Features) -> list[tuple[int, int]]:
    """The factors that vary, each with the next one that does as its partner."""
    assert features.factors is not None, "asked with factors only"
    which = [k for k in range(len(features.factors.names)) if len(np.unique(features.factors.values[:, k])) > 1]
    return list(zip(which, [*which[1:], *which[:1]], strict=True)) if len(which) > 1 else []


def _hits(reader: logistic.Linear, codes: Tensor, y: Tensor, seed: int) -> Evidence:
    return intervals.of_hits((reader.logits(codes)[0].argmax(1) == y)[None].numpy(), y.numpy(), seed)[0]


def _mean(found: list[Evidence]) -> Evidence:
    """The mean over factors, each resampled by itself."""
    return Evidence(np.mean([e.values for e in found], axis=0), np.mean([e.replicates for e in found], axis=0))
