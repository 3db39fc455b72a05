"""Do training seeds find the same numbers of the code? Unsupervised disentanglement ranking (Duan et al. 2020).

Between two seeds, how strongly each informative number of one code goes with one number of the other and with no third, in any order
and sign; the median over the other seeds, averaged over all (`measures.disentanglement.udr`). It needs no factor. The paper finds that
disentangled models agree with each other and others do not; agreement is not proof: seeds of PCA agree as well. The lasso's penalty
keeps it near .9 even for equal codes; "itself" shows the first seed against itself.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from allegory.core import Paper
from allegory.measures import disentanglement
from allegory.questions import items, references, telling
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Heat, Picture
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

ITSELF = "itself"
TITLE = "Unsupervised model selection for variational disentangled representation learning"


@final
@dataclass(frozen=True)
class UDR(items.OnItems):
    """Of at most `most` test items."""

    card: ClassVar[QuestionCard] = QuestionCard(
        name="udr", asks="Do training seeds find the same numbers of the code?", needs=("several seeds",), better="higher",
        bounds=(0.0, 1.0), beside=("untrained",),
        paper=Paper("Duan et al.", TITLE, 2020, "https://arxiv.org/abs/1905.12614", "section 4"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"lasso (alpha = 0.1) between standardised codes of variance above .01, at most {self.most} test items, jackknife over items"

    def references(self, features: Features) -> dict[str, CodeSet]:
        own = features.sets[None].seeds
        rng = np.random.default_rng([features.seed, 57])
        noise = tuple(torch.as_tensor(rng.standard_normal(z.shape), dtype=torch.float32) for z in own)
        return {references.NOISE: CodeSet(noise), ITSELF: CodeSet((own[0], own[0]))}

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        runs = [z[self.rows(features)] for z in self._seeds(subject, features)]
        if len(runs) < 2:
            return {}

        def score(kept: Tensor) -> float:
            return float(disentanglement.udr([z[kept].double().numpy() for z in runs]).scores[subject.seed])

        return {"udr": items.leaving_out(score, len(runs[0]), features.seed)}

    def _seeds(self, subject: Subject, features: Features) -> tuple[Tensor, ...]:
        return dict(self.asked(features))[subject.who].seeds

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        runs = [z[self.rows(features)].double().numpy() for z in self._seeds(subject, features)]
        names = tuple(f"seed {i + 1}" for i in range(len(runs)))
        pairs = disentanglement.udr(runs).pairs
        return (Heat("UDR between training seeds", names, names, tuple(tuple(float(v) for v in row) for row in pairs)),)

    def words(self, scores: Scores) -> str:
        own, itself = scores.get("udr"), scores.get("udr", ITSELF)
        if own is None:
            return ""
        most = f", {itself.value:.2f} for a seed against itself" if itself else ""
        return f"Training seeds agree number by number at {own.value:.2f}{telling.beside(scores, 'udr')}{most}."
