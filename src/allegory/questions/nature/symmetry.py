"""Does each factor move a part of the code that is its own? Disentanglement by symmetry (Higgins et al. 2018).

`measures.symmetry` has the definition and the formulas: differences of codes between items that differ in one factor alone span that
factor's subspace; the code is disentangled when its space is the direct sum of these. `symmetry` is 1 for a direct sum at any angles,
`orthogonality` for subspaces at right angles. A rotation of the true factors is as good as the factors here, and is not by MIG, DCI or SAP,
which name single numbers of the code; and a factor may have a plane of its own, as angles need.

That each factor also acts by the same linear map everywhere, the second half of the definition of linear disentanglement, is not asked.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from torch import Tensor

from allegory.core import Paper
from allegory.data import Part
from allegory.measures import symmetry
from allegory.questions import items, references, telling
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Heat, Picture
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "Towards a definition of disentangled representations"
FEWEST, WIDEST = 64, 128


@final
@dataclass(frozen=True)
class Symmetry(items.OnItems):
    """`pairs` of training items for every factor that differ in it alone."""

    most: int = 10_000
    pairs: int = 2000

    part: ClassVar[Part] = "train"
    card: ClassVar[QuestionCard] = QuestionCard(
        name="symmetry", asks="Does each factor move a part of the code that is its own?", needs=("factors",), better="higher",
        bounds=(0.0, 1.0), beside=("pca", "untrained"),
        paper=Paper("Higgins et al.", TITLE, 2018, "https://arxiv.org/abs/1812.02230", "definition 2"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"up to {self.pairs} pairs a factor that differ in it alone, of at most {self.most} training items; 99 % of the movement kept, "
            f"in at most {WIDEST} directions"
        )

    def references(self, features: Features) -> dict[str, CodeSet]:
        return references.floor_and_ceiling(features)

    def missing(self, features: Features) -> str:
        if reason := super().missing(features):
            return reason
        known, found = self.pairs_by_factor(features)
        few = [name for name, pairs in zip(known, found, strict=True) if len(pairs.a) < FEWEST]
        if few:
            return f"symmetry was not asked: too few items differ in {telling.listed(few)} alone; it takes a lattice of factors"
        return "" if len(known) > 1 else "symmetry was not asked: fewer than two factors vary"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        names, steps = self.steps(subject, features)

        def scored(kept: Tensor | slice) -> dict[str, float]:
            moments = np.stack([symmetry.second_moment(step[kept]) for step in steps])
            each = symmetry.own_share(moments)
            own = {f"symmetry of {name}": float(share) for name, share in zip(names, each, strict=True)}
            return {"symmetry": float(each.mean()), "orthogonality": symmetry.orthogonality(moments), **own}

        if not all(np.isfinite(value) for value in scored(slice(None)).values()):
            return items.unanswered(subject, "fewer than two factors move the code")
        return items.leaving_out_each(scored, min(len(step) for step in steps), features.seed)

    def steps(self, subject: Subject, features: Features) -> tuple[list[str], list[np.ndarray]]:
        """The names of the factors that vary, and the differences of codes of the pairs that differ in each alone."""
        names, found = self.pairs_by_factor(features)
        z = subject.z[self.rows(features)].double().numpy()
        steps = [z[pairs.b] - z[pairs.a] for pairs in found]
        if z.shape[1] <= WIDEST:
            return names, steps
        axes = np.linalg.eigh(sum(symmetry.second_moment(step) for step in steps))[1][:, -WIDEST:]
        return names, [step @ axes for step in steps]

    def pairs_by_factor(self, features: Features) -> tuple[list[str], list[symmetry.Pairs]]:
        """The names of the factors that vary, and pairs of the asked items that differ in each alone, as many for each."""
        assert features.factors is not None, "asked with factors only"
        values, rng = features.factors.values[self.rows(features).numpy()], np.random.default_rng([features.seed, 43])
        varying = [k for k in range(values.shape[1]) if len(np.unique(values[:, k])) > 1]
        found = [symmetry.pairs_of(values, k, self.pairs, rng) for k in varying]
        least = min((len(pairs.a) for pairs in found), default=0)
        return [features.factors.names[k] for k in varying], [symmetry.Pairs(p.a[:least], p.b[:least]) for p in found]

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        names, steps = self.steps(subject, features)
        cosines = symmetry.overlaps(np.stack([symmetry.second_moment(step) for step in steps]))
        rows = tuple(tuple(float(v) for v in row) for row in cosines)
        return (Heat("How much the subspaces of two factors overlap", tuple(names), tuple(names), rows),)

    def words(self, scores: Scores) -> str:
        own, right = scores.get("symmetry"), scores.get("orthogonality")
        if own is None or right is None:
            return ""
        parts = [
            (s.value, s.metric.removeprefix("symmetry of ")) for s in scores if s.control is None and s.metric.startswith("symmetry of ")
        ]
        best, worst = max(parts), min(parts)
        return (
            f"Up to a linear change of axes, factors move parts of the code of their own at {own.value:.2f} of 1"
            f"{telling.beside(scores, 'symmetry')}; at right angles as it stands, {right.value:.2f}. "
            f"Most by itself is {best[1]} ({best[0]:.2f}), least {worst[1]} ({worst[0]:.2f})."
        )
