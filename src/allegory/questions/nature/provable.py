"""Are two sides of an item tied by more than their class? If not, predicting one from the other is provably all that a reader needs.

Lee, Lei, Saunshi and Zhuo (2021): when X1 and X2 are independent given the class, E[X2|X1] = A P(Y|X1), and with A of full column rank a
linear regression from the learned E[X2|X1] reaches the best accuracy that X1 allows. Real sides share more than the class. Measured here,
with X1 and X2 the codes of two views of the same items:

- `residual_dependence`: the share of X2's variance within classes that X1 predicts, held out; 0 under the assumption, 1 when X1 tells X2;
- `accuracy_of_readout`: of a linear regression of the class on psi(X1), psi = the learned E[X2|X1], which has read no label;
- `accuracy_of_probe`: of the same kind of reader that psi is, fitted to the labels on X1 itself, in place of Bayes given X1;
- `share_of_probe`: the first accuracy over the second. Near 1: what X1 knows of the class went through the prediction.

For images the left and the right half of the picture stand beside as a pair of their own ("two halves"), for vectors the first and the
second half of the columns; and pure noise, where nothing is shared. docs/labs/provable.md shows all of it on a process that is known.

Deviates: the paper's statement is about the exact E[X2|X1]; here psi is ridge regression on random Fourier features of at most 50 principal
components of each side, learned from training items and tested on test items. What it misses counts as independence.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.decomposition import PCA
from torch import Tensor

from allegory.core import Dice, Paper, Problem, tree
from allegory.data import Intake
from allegory.measures import conditional
from allegory.questions import intervals, references, telling
from allegory.questions.encoders import Encoder
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

GROUPS = 16
FEWEST = 50
HALVES = "two halves"
LITTLE = 0.1  # of the variance within classes
BATCH = 256
SIDE = 16  # pixels of a half's longer edge: enough for 50 components, and quick


@final
@dataclass(frozen=True)
class Provable(Question):
    """At most `components` principal components of each side, `features` random Fourier features, `most` training items."""

    components: int = 50
    features: int = 300
    most: int = 2000

    card: ClassVar[QuestionCard] = QuestionCard(
        name="provable", asks="Are two views tied by more than their class, and does predicting one from the other tell the class?",
        needs=("labels", "pairs", "encode"), better="depends", bounds=(-1.0, float("inf")), beside=("raw input", "untrained", "supervised"),
        paper=Paper("Lee et al.", "Predicting what you already know helps: provable self-supervised learning", 2021,
                    "https://arxiv.org/abs/2008.01064", "definition 4.1"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"two default views, at most {self.components} principal components of each; ridge regression on {self.features} random Fourier"
            f" features of at most {self.most} labelled training items, tested on labelled test items"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(self.items(features)[1]), "test"

    def missing(self, features: Features) -> str:
        few = f"provable was not asked: it takes {FEWEST} labelled training items, and {2 * GROUPS} labelled test items with two views"
        if reason := super().missing(features):
            return reason
        fit, test = self.items(features)
        return "" if len(fit) >= FEWEST and len(test) >= 2 * GROUPS else few

    def items(self, features: Features) -> tuple[Int[Tensor, " m"], Int[Tensor, " q"]]:
        """The items to fit on and those to test on, all with labels; the second are among those that were viewed."""
        seen = viewed(features)
        return evenly(features.labelled("train"), self.most), seen[features.labels[seen] >= 0]

    def references(self, features: Features) -> dict[str, CodeSet]:
        """Their pairs are of all `items`, those to fit on first."""
        rng, z = np.random.default_rng([features.seed, 72]), features.sets[None].seeds[0]
        both = torch.cat(self.items(features))
        one, two = (torch.as_tensor(rng.standard_normal((len(both), 10)), dtype=torch.float32) for _ in range(2))
        encoders = features.sets[None].encoders[:1]  # never used: their pairs are there
        found = {references.NOISE: CodeSet((z,), ((one, two),), encoders)}
        if features.source is not None:
            found[HALVES] = CodeSet((z,), (of_one_item(features, both),), encoders)
        return found

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        fit_on, test_on = self.items(features)
        labels = features.labels[torch.cat([fit_on, test_on])].numpy()
        fit, test = np.split(np.arange(len(labels)), [len(fit_on)])
        rng = np.random.default_rng([features.seed, 73])
        x1, x2 = (narrowed(side.double().numpy(), fit, self.components) for side in self.sides(subject, features))
        targets, y = conditional.one_hot(labels[fit], features.classes), labels[test]
        psi = conditional.conditional_mean(x1[fit], x2[fit], rng, self.features)
        said = conditional.read(psi(x1[test]), conditional.readout(psi(x1[fit]), targets)).argmax(1) == y
        probed = conditional.conditional_mean(x1[fit], targets, rng, self.features)(x1[test]).argmax(1) == y
        left = conditional.residual_dependence(x1, x2, labels, fit, test, rng, self.features)
        return {
            "residual_dependence": _ratio(left[:, 1] - left[:, 0], left[:, 1], features.seed),
            "accuracy_of_readout": intervals.of_hits(said[None], y, features.seed)[0],
            "accuracy_of_probe": intervals.of_hits(probed[None], y, features.seed)[0],
            "share_of_probe": _ratio(said.astype(float), probed.astype(float), features.seed),
        }

    def sides(self, subject: Subject, features: Features) -> tuple[Tensor, Tensor]:
        """The codes of both views of all `items`; the training items are encoded now."""
        assert subject.pair is not None and subject.encoder is not None, "the card needs them"
        if subject.who in (references.NOISE, HALVES):
            return subject.pair
        fit, _ = self.items(features)
        known = features.labels[viewed(features)] >= 0
        parts = [pair_of(subject.encoder, features, rows) for rows in fit.split(BATCH)]
        one, two = (torch.cat([*(part[i] for part in parts), subject.pair[i][known]]) for i in (0, 1))
        return one, two

    def words(self, scores: Scores) -> str:
        tied, share, probe = (scores.get(m) for m in ("residual_dependence", "share_of_probe", "accuracy_of_probe"))
        if tied is None or share is None or probe is None:
            return ""
        halves = scores.get("residual_dependence", HALVES)
        beside = f" (the two halves of an item: {max(0.0, halves.value):.0%})" if halves else ""
        verdict = "little more than the class ties the views" if tied.value < LITTLE else "much beside the class ties the views"
        first = f"When the class is known, one view still predicts {max(0.0, tied.value):.0%} of how the other varies{beside}: {verdict}."
        floor = scores.get("accuracy_of_probe", references.NOISE)
        if floor and floor.high and probe.value <= floor.high:
            return f"{first} A probe of one view is right no oftener than one of noise, so there is nothing for the prediction to carry."
        return (
            f"{first} A linear reader of the predicted view is right {share.value:.2f} times as often as a probe of the view itself"
            f"{telling.beside(scores, 'share_of_probe', '.2f', ('raw input', 'untrained'))}."
        )


def viewed(features: Features) -> Int[Tensor, " m"]:
    """The numbers of the items of which there are two views."""
    return evenly(features.parts["test"], features.viewed)


def pair_of(encoder: Encoder, features: Features, rows: Int[Tensor, " b"]) -> tuple[Tensor, Tensor]:
    """The codes of two views of some items. Raises `Problem` when the encoder cannot encode views."""
    found = encoder.pair(features.stored(rows), Dice.roll(features.seed, 0, rows, "views of training items"))
    if found is None:
        raise Problem("the encoder takes no views of these items")
    return found


def narrowed(x: Float[np.ndarray, "n d"], fit: Int[np.ndarray, " m"], most: int) -> Float[np.ndarray, "n r"]:
    """At most `most` principal components, of the items `fit`. Raises `Problem` when they do not vary."""
    if not np.ptp(x[fit], axis=0).any():
        raise Problem("one view is the same for every item: there is nothing to predict")
    if x.shape[1] <= most:
        return x
    return np.asarray(PCA(min(most, len(fit)), random_state=0).fit(x[fit]).transform(x))


def of_one_item(features: Features, index: Int[Tensor, " m"]) -> tuple[Float[Tensor, "m p"], Float[Tensor, "m q"]]:
    """The left and the right half of pictures (at most 16 pixels high), or the first and the second half of the columns."""
    assert features.source is not None, "asked with a source only"
    intake = Intake.fit(features.source, features.source.part("train"))
    x = intake(tree.to(features.stored(index), "cpu"))
    leaf = torch.cat([part.flatten(1).float() for part in tree.leaves(x)], dim=1) if not isinstance(x, Tensor) else x.float()
    if leaf.ndim == 4:
        leaf = torch.nn.functional.adaptive_avg_pool2d(leaf, (min(SIDE, leaf.shape[2]), min(SIDE, leaf.shape[3])))
    middle = leaf.shape[-1] // 2
    return leaf[..., :middle].flatten(1), leaf[..., middle:].flatten(1)


def _ratio(above: Float[np.ndarray, " n"], below: Float[np.ndarray, " n"], seed: int) -> Evidence:
    """sum above / sum below over items, with its leave-outs; 0 / 0 is 0."""
    group = np.arange(len(above)) % GROUPS
    kept = [np.ones(len(above), dtype=bool), *(group != g for g in range(GROUPS))]
    values = np.array([above[k].sum() / below[k].sum() if below[k].sum() > 0 else 0.0 for k in kept])
    return intervals.jackknife(float(values[0]), values[1:], seed)
