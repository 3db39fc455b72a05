"""Can a network that sees nothing but codes solve Raven-like puzzles, and how many puzzles must it see?

Eight panels of a 3 x 3 matrix are given; in every row one, two or three factors are constant; which of six candidates is the ninth panel?
Each panel is an item of the data, given to a relation network (WReN) by its frozen code: looked up on the grid of factors, so nothing is
encoded anew. The share of new puzzles that is solved is told after some numbers of puzzles seen, each of them once; chance is 1/6. A
network that knows panels by heart and looks at no context may get to .19 (see `measures.matrices`); the noise row holds that part.

After van Steenkiste et al. (2019), whose study finds that disentangled codes learn faster (with few samples; with very many the advantage
is gone or turns) and Barrett et al. (2018). At one number of samples this is a measure of how fast the code is learned from, not of what
could be learned from it in the end: look at the whole curve, `samples` up to 100,000.

Deviates: a network of half the smallest width of the paper, without dropout and in float32, so that a curve takes seconds; every factor
has at most `levels` values (theirs are chosen for each data set).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from allegory.core import Paper, Problem, fenced
from allegory.measures.lattice import Lattice
from allegory.measures.matrices import CANDIDATES, Kind, Matrices, matrices
from allegory.nets.relation import RelationNet
from allegory.questions import intervals, probing, references, telling
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

CHUNK = 250


@dataclass(frozen=True, eq=False)
class Panels:
    """Puzzles by the numbers of the items that their panels are."""

    context: Int[np.ndarray, "m 8"]
    answers: Int[np.ndarray, "m 6"]
    right: Int[np.ndarray, " m"]


@final
@dataclass(frozen=True)
class Reasoning(Question):
    """The accuracy after each number of `samples` (puzzles seen), on `tested` others; `kind` of the wrong candidates; at most `levels`
    values of a factor; batches of `batch`, Adam at `lr`."""

    samples: tuple[int, ...] = (1000, 3000, 10_000)
    tested: int = 2000
    levels: int = 5
    kind: Kind = "hard"
    batch: int = 32
    lr: float = 1e-2

    card: ClassVar[QuestionCard] = QuestionCard(
        name="reasoning", asks="Can Raven-like puzzles be solved from the codes, after how many puzzles?",
        needs=("factors",), better="higher", bounds=(0.0, 1.0), beside=("pca", "untrained"), cost="minutes", gains=("solved",),
        paper=Paper("van Steenkiste et al.", "Are disentangled representations helpful for abstract visual reasoning?", 2019,
                    "https://arxiv.org/abs/1905.12506", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"{self.kind} candidates, at most {self.levels} values a factor; WReN of widths 128, 128 and 128 on standardised codes, batch "
            f"{self.batch}, Adam {self.lr:g}; each puzzle seen once; {self.tested} test puzzles"
        )

    def size(self, features: Features) -> tuple[int, str]:
        del features
        return self.tested, "all"

    def references(self, features: Features) -> dict[str, CodeSet]:
        return references.floor_and_ceiling(features)

    def missing(self, features: Features) -> str:
        if reason := super().missing(features):
            return reason
        sizes = self.sizes(features)
        if int(np.prod(sizes)) < 2 * CANDIDATES:
            return f"reasoning was not asked: the factors have {int(np.prod(sizes))} combinations, and puzzles take {2 * CANDIDATES}"
        return ""

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = probing.standardised(subject.z, features.parts["train"]).float()
        found = {}
        for seen, hits, right in self.curve(z, features, subject.seed):
            found[f"solved@{seen}"] = intervals.of_hits(hits[None], right, features.seed)[0]
        return found

    def sizes(self, features: Features) -> tuple[int, ...]:
        """How many values each factor has in the puzzles."""
        assert features.factors is not None, "the card needs them"
        return tuple(min(size, self.levels) for size in features.factors.sizes)

    def puzzles(self, m: int, features: Features, rng: np.random.Generator) -> tuple[Matrices, Panels]:
        """`m` puzzles in values below `sizes`, and the items that show them. Raises `Problem` when one is missing on the grid."""
        factors = features.factors
        assert factors is not None, "the card needs them"
        drawn = matrices(m, self.sizes(features), rng, self.kind)
        spread = [np.arange(few) * size // few for few, size in zip(self.sizes(features), factors.sizes, strict=True)]
        lattice = Lattice.of(factors.values, factors.sizes)

        def items(values: np.ndarray) -> np.ndarray:
            return lattice.find(np.stack([spread[i][values[..., i]] for i in range(len(spread))], axis=-1))

        panels = Panels(items(drawn.context), items(drawn.answers), drawn.right)
        absent = int((panels.context < 0).sum() + (panels.answers < 0).sum())
        if absent:
            raise Problem(f"{absent} of {m * 14} panels are no items of these data: puzzles need every combination of the factors")
        return drawn, panels

    def curve(
        self, z: Float[Tensor, "n z"], features: Features, seed: int
    ) -> Iterator[tuple[int, Bool[np.ndarray, " m"], Int[np.ndarray, " m"]]]:
        """After each number of puzzles seen: that number, which test puzzles are solved, and the places of their answers."""
        _, test = self.puzzles(self.tested, features, np.random.default_rng([features.seed, 65]))
        rng = np.random.default_rng([features.seed, 66])
        with fenced(seed):
            net = RelationNet(z.shape[1])
        steps = _steps(net, z, lambda: self.puzzles(50 * self.batch, features, rng)[1], self.batch, self.lr)
        taken = 0
        for samples in sorted(self.samples):
            while taken * self.batch < samples:
                next(steps)
                taken += 1
            yield samples, _solved(net, z, test), test.right

    def words(self, scores: Scores) -> str:
        last = max((s for s in scores if s.control is None and s.metric.startswith("solved@")), key=_seen, default=None)
        if last is None:
            return ""
        return (
            f"After {_seen(last):,} puzzles a relation network that sees only the codes solves {last.value:.0%} of new ones"
            f"{telling.beside(scores, last.metric, '.0%')}; guessing solves {1 / CANDIDATES:.0%}. It tells how fast"
            " reasoning is learned from the code, not what could be reached in the end."
        )


def _seen(score: object) -> int:
    return int(str(getattr(score, "metric", "@0")).rpartition("@")[2])


def _steps(net: RelationNet, z: Tensor, draw: Callable[[], Panels], batch: int, lr: float) -> Iterator[None]:
    """Trains the network on fresh puzzles, a batch at a time, without end."""
    optimiser = torch.optim.Adam(net.parameters(), lr=lr)
    while True:
        puzzles = draw()
        for start in range(0, len(puzzles.right), batch):
            rows = slice(start, start + batch)
            with torch.enable_grad():
                loss = F.cross_entropy(_scores(net, z, puzzles, rows), torch.as_tensor(puzzles.right[rows]))
            for weight, gradient in zip(net.parameters(), torch.autograd.grad(loss, list(net.parameters())), strict=True):
                weight.grad = gradient
            optimiser.step()
            yield


def _scores(net: RelationNet, z: Tensor, puzzles: Panels, rows: slice) -> Float[Tensor, "b 6"]:
    context, answers = (torch.as_tensor(items[rows]) for items in (puzzles.context, puzzles.answers))
    return net(z[context], z[answers])


def _solved(net: RelationNet, z: Tensor, puzzles: Panels) -> Bool[np.ndarray, " m"]:
    """Which puzzles have the highest score at the right candidate."""
    with torch.no_grad():
        said = [_scores(net, z, puzzles, slice(i, i + CHUNK)).argmax(1) for i in range(0, len(puzzles.right), CHUNK)]
    return np.asarray(torch.cat(said).numpy() == puzzles.right)
