"""How well are a handful of classes told apart from one or five examples each? Few-shot episodes with prototypes.

An episode draws k classes, n examples (shots) and up to 15 queries of each, all from the test part; every query goes to the nearest class
mean, and nothing is learned (k-way n-shot: Vinyals et al. 2016; prototypes: Snell et al. 2017). Codes are centred by the training part and
brought to unit length before, and the means taken then (SimpleShot: Wang et al. 2019). The value is the mean accuracy over 600 episodes,
the interval that of the mean over episodes, as it is published: it says how well the mean is known for these test items, not how it would
move with other items. A guess has 1 / k.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory import measures
from allegory.core import Paper
from allegory.questions import intervals, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

NUMBERS = 1 << 24  # of codes looked at together


@dataclass(frozen=True)
class Form:
    """What an episode is here: `way` classes, `queries` of each."""

    way: int
    queries: int


@final
@dataclass(frozen=True)
class Episodes(Question):
    """`way` classes (fewer where the data have fewer), `shots` examples each, `queries` of each at most, in `episodes` episodes."""

    way: int = 5
    shots: tuple[int, ...] = (1, 5)
    queries: int = 15
    episodes: int = 600

    card: ClassVar[QuestionCard] = QuestionCard(
        name="episodes",
        asks="How well are a handful of classes told apart from one or five examples each?",
        needs=("labels",), better="higher", bounds=(0.0, 1.0),
        paper=Paper("Snell, Swersky and Zemel", "Prototypical networks for few-shot learning", 2017,
                    "https://arxiv.org/abs/1703.05175", "section 2"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"{self.episodes} episodes of {self.way} classes (or all) with {self.queries} queries each (or as many as there are), examples "
            "and queries of the test part, nearest mean of codes centred by the training part and of unit length"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(features.labelled("test")), "test"

    def form(self, features: Features, shots: int) -> Form | None:
        """As many classes as asked for, or as there are with the shots and a query; then as many queries as those classes have."""
        sizes = np.sort(features.class_sizes("test").numpy())[::-1]
        way = min(self.way, int((sizes > shots).sum()))
        return Form(way, min(self.queries, int(sizes[way - 1]) - shots)) if way >= 2 else None

    def possible(self, features: Features) -> dict[int, Form]:
        """The form for each number of shots."""
        return {n: form for n in self.shots if (form := self.form(features, n))}

    def missing(self, features: Features) -> str:
        return super().missing(features) or ("" if self.possible(features) else f"episodes was not asked: {self._why_not(self.shots)}")

    def remark(self, features: Features) -> str:
        left_out = tuple(n for n in self.shots if n not in self.possible(features))
        said = [f"no episodes with {', '.join(map(str, left_out))} examples: {self._why_not(left_out)}"] if left_out else []
        changed = [
            f"{n}-shot {f.way}-way with {f.queries} queries"
            for n, f in self.possible(features).items()
            if f != Form(self.way, self.queries)
        ]
        said += [f"the test part is too small for {self.way}-way with {self.queries} queries: {', '.join(changed)}"] if changed else []
        return f"episodes: {'; '.join(said)}" if said else ""

    def _why_not(self, shots: tuple[int, ...]) -> str:
        return f"fewer than two classes have more than {min(shots)} labelled test items"

    def drawn(self, features: Features, shots: int, form: Form) -> Int[np.ndarray, "e w s"]:
        """Item numbers of each episode, class after class, the examples first. The same for whoever is asked."""
        test = features.labelled("test").numpy()
        y = features.labels.numpy()[test]
        by_class = [rows for c in np.unique(y) if len(rows := test[y == c]) >= shots + form.queries]
        rng = np.random.default_rng([features.seed, 32, shots])
        take = shots + form.queries
        chosen = [rng.permutation(len(by_class))[: form.way] for _ in range(self.episodes)]
        return np.stack([np.stack([rng.permutation(by_class[c])[:take] for c in classes]) for classes in chosen])

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = measures.on_sphere(subject.z - subject.z[features.parts["train"]].mean(0))
        found = {}
        for shots, form in self.possible(features).items():
            right = torch.cat(list(_told(z, torch.as_tensor(self.drawn(features, shots, form)), shots))).numpy()
            drawn = intervals.resamplings(len(right), features.seed)
            found[f"accuracy@{form.way}-way {shots}-shot"] = Evidence(np.array([right.mean()]), drawn @ right / len(right))
        return found

    def words(self, scores: Scores) -> str:
        said = [
            f"Of {_way(s.metric)} classes with {_shots(s.metric)} each, the nearest class mean tells {s.value:.0%} of new items rightly"
            f"{telling.beside(scores, s.metric, '.0%')}; a guess has {1 / _way(s.metric):.0%}."
            for s in scores if s.control is None and s.metric.startswith("accuracy@")
        ]  # fmt: skip
        return " ".join(said)


def _way(metric: str) -> int:
    return int(metric.removeprefix("accuracy@").split("-way")[0])


def _shots(metric: str) -> str:
    n = int(metric.split("-way ")[1].removesuffix("-shot"))
    return f"{n} example" if n == 1 else f"{n} examples"


def _told(z: Float[Tensor, "n z"], index: Int[Tensor, "e w s"], shots: int) -> Iterator[Float[Tensor, " e"]]:
    """The accuracy of each episode."""
    at_once = max(1, NUMBERS // (index[0].numel() * z.shape[1]))
    for rows in index.split(at_once):
        codes = z[rows]
        prototypes, queries = codes[:, :, :shots].mean(2), codes[:, :, shots:].flatten(1, 2)
        told = torch.cdist(queries, prototypes).argmin(2)
        truth = torch.arange(index.shape[1]).repeat_interleave(index.shape[2] - shots)
        yield (told == truth).double().mean(1)
