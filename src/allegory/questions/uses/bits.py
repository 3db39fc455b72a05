"""How many bits do the codes save when the labels are written down? The prequential (online) code.

Sender and receiver share the codes and agree on a learner; labels go over block by block. The first block is sent with a uniform code,
every further one with the probabilities of the learner fitted on all blocks before:

    L = t_1 log2 K - sum_i log2 p_i(y_(t_i + 1 : t_(i+1)) | z_(t_i + 1 : t_(i+1)))

(Blind probes forget effort; this counts it: Voita and Titov 2020, section 2.2.2; Blier and Ollivier 2018, equation 3.) Compression is
n log2 K / L, of a uniform code against this one: 1 says that the codes tell nothing, K classes known from the codes after a few labels make
it large. `bits_saved` is the same in bits a label, at most log2 K. Both quality and ease of reading count, so probes of any strength can be
compared, and a code with high accuracy that takes many labels to read comes out lower.

The learner is multinomial logistic regression; its strength is one of three, that which has written the blocks before in the fewest bits,
so that the receiver can follow. Blocks double. Deviates: probabilities are mixed with 1 / (n + 1) of the uniform one, n the labels seen,
since a class that has not come up yet would otherwise cost infinitely many bits.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Paper
from allegory.questions import intervals, logistic, probing, telling
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Curve, Curves, Picture
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

STRENGTHS = (1e-1, 1e-2, 1e-3)  # of |W|^2 / 2 against the mean loss, strong to weak
FIRST = 8  # labels in the first block, at least


@final
@dataclass(frozen=True)
class Bits(Question):
    """The labels of at most `most` training items, in an order of the seed."""

    most: int = 5_000

    card: ClassVar[QuestionCard] = QuestionCard(
        name="bits",
        asks="How many bits do the codes save when the labels are written down?",
        needs=("labels",), better="higher", gains=("bits_saved",),
        paper=Paper("Voita and Titov", "Information-theoretic probing with minimum description length", 2020,
                    "https://arxiv.org/abs/2003.12298", "section 2.2.2"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"labels of at most {self.most} training items in random order, blocks that double, multinomial logistic regression on codes "
            f"standardised by the training part, strength from {STRENGTHS} times n by the blocks before, mixed with 1 / (n + 1) uniform"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(self._order(features)), "train"

    def missing(self, features: Features) -> str:
        few = len(features.labelled("train")) < 2 * FIRST
        return super().missing(features) or (f"bits was not asked: fewer than {2 * FIRST} training items have a label" if few else "")

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        spent, classes = self._spent(subject, features)
        n, uniform = len(spent), float(np.log2(classes))
        mean = np.append(spent.mean(), intervals.resamplings(n, features.seed) @ spent / n)
        saved, ratio = uniform - mean, uniform / np.maximum(mean, 1e-12)
        return {"compression": Evidence(ratio[:1], ratio[1:]), "bits_saved": Evidence(saved[:1], saved[1:])}

    def _spent(self, subject: Subject, features: Features) -> tuple[Float[np.ndarray, " n"], int]:
        """The bits of every label, in the order of the code, and the number of classes."""
        z = probing.standardised(subject.z, features.parts["train"])
        rows = self._order(features)
        classes, y = features.labels[rows].unique(return_inverse=True)
        return written(z[rows], y, len(classes)), len(classes)

    def _order(self, features: Features) -> Int[Tensor, " n"]:
        train = features.labelled("train")
        order = np.random.default_rng([features.seed, 35]).permutation(len(train))
        return evenly(train[torch.as_tensor(order)], self.most)

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        spent, classes = self._spent(subject, features)
        ends = blocks(len(spent))
        x, y = tuple(float(b) for b in ends[1:]), tuple(float(spent[a:b].mean()) for a, b in pairwise(ends))
        title = "Bits to write the next label, by the labels written so far"
        return (Curves(title, "labels", "bits a label", (Curve("codes", x, y),), log=True, level=float(np.log2(classes))),)

    def words(self, scores: Scores) -> str:
        saved, ratio = scores.get("bits_saved"), scores.get("compression")
        if saved is None or ratio is None:
            return ""
        if saved.value <= 0:
            return "Who has the codes needs as many bits to write the labels down as who has not: nothing is saved."
        return (
            f"Who has the codes writes the labels down in {1 / ratio.value:.0%} of the bits that it takes without: {ratio.value:.1f} times "
            f"shorter{telling.beside(scores, 'compression', '.1f')}. It counts how much is told, and after how few labels."
        )


def blocks(n: int) -> list[int]:
    """Where the blocks of n labels begin and end: 0, then doubling up to n."""
    ends = [n]
    while ends[0] >= 2 * FIRST:
        ends.insert(0, (ends[0] + 1) // 2)
    return [0, *ends]


def written(z: Float[Tensor, "n d"], y: Int[Tensor, " n"], classes: int) -> Float[np.ndarray, " n"]:
    """The bits that every label takes, in order."""
    uniform = float(np.log2(classes))
    spent = np.full(len(y), uniform)
    so_far = np.zeros(len(STRENGTHS))
    for start, end in pairwise(blocks(len(y))[1:]):
        strengths = [s * start for s in STRENGTHS]
        each = [_bits(found, z[start:end], y[start:end], start) for found in logistic.path(z[:start], y[:start], classes, strengths, 1e-4)]
        chosen = int(so_far.argmin()) if so_far.any() else len(STRENGTHS) // 2
        spent[start:end] = each[chosen]
        so_far += [bits.sum() for bits in each]
    return spent


def _bits(found: logistic.Linear, z: Float[Tensor, "n d"], y: Int[Tensor, " n"], seen: int) -> Float[np.ndarray, " n"]:
    p = found.logits(z)[0].double().softmax(1)
    own = p.gather(1, y[:, None])[:, 0]
    mixed = own * seen / (seen + 1) + 1.0 / (seen + 1) / p.shape[1]
    return np.asarray(-mixed.log2().numpy())
