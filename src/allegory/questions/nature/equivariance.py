"""What happens to the code when the image is flipped, shifted or turned? Invariance error and equivariance error.

`measures.equivariance` has the formulas. The invariance error is 0 when the code does not notice, 1 when the changed item is as far as
another item. The equivariance error is 0 when a linear map of the code foretells what becomes of it, 1 when nothing does. Low and low:
the code ignores the change. High and low: it knows of the change and keeps the rest, what disentangling asks for. High and high: the
change scrambles the code. Which is good depends on what the code is for; a 6 that is turned far enough is a 9.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from allegory.core import Paper
from allegory.measures import equivariance
from allegory.questions import items, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "Understanding image representations by measuring their equivariance and equivalence"
BATCH = 256


@final
@dataclass(frozen=True)
class Equivariance(items.OnItems):
    """Left and right exchanged; shifted to the right by `shift` of the width; turned by `degrees`. At most `most` test items."""

    most: int = 1024
    shift: float = 0.125
    degrees: float = 15.0

    card: ClassVar[QuestionCard] = QuestionCard(
        name="equivariance", asks="What happens to the code when the image is flipped, shifted or turned?",
        needs=("encode", "images"), better="depends", bounds=(0.0, float("inf")), beside=("raw input", "untrained", "supervised"),
        paper=Paper("Lenc and Vedaldi", TITLE, 2015, "https://arxiv.org/abs/1411.5908", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"flip, shift by {self.shift:g} of the width, turn by {self.degrees:g} degrees, pixels of the edge repeated; ridge regression "
            f"on one half of at most {self.most} test items, judged on the other"
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        assert subject.encoder is not None, "asked of encoders only"
        rows = self.rows(features)
        z, found = subject.z[rows], dict[str, Evidence]()
        if float(z.double().std(0).max()) == 0.0:
            return items.unanswered(subject, "the code has collapsed to a single point")
        for name in ("flip", "shift", "turn"):
            moved = torch.cat([subject.encoder.codes(self.changed(features.stored(part), name)) for part in rows.split(BATCH)])
            found[f"invariance_error of {name}"] = items.of_mean(equivariance.movement(z, moved), features.seed)
            found[f"equivariance_error of {name}"] = items.of_mean(_residual(z, moved), features.seed)
        return found

    def changed(self, stored: Any, name: str) -> np.ndarray:
        """The images (n, c, h, w), as stored, after the change."""
        x = np.asarray(stored)
        if name == "flip":
            return np.ascontiguousarray(x[..., ::-1])
        if name == "shift":
            by = max(1, round(self.shift * x.shape[-1]))
            return np.concatenate([np.repeat(x[..., :1], by, -1), x[..., :-by]], -1)
        turned: np.ndarray = ndimage.rotate(x, self.degrees, axes=(3, 2), reshape=False, order=1, mode="nearest")
        return turned

    def words(self, scores: Scores) -> str:
        said = [text for name, verb in VERBS.items() if (text := _one(scores, name, verb))]
        return f"{'; '.join(said)}." if said else ""


VERBS = {"flip": "Flipped", "shift": "shifted", "turn": "turned"}


def _residual(z: Tensor, moved: Tensor) -> Tensor:
    """As measured; 0 for a code that the change sends to one point, where there is nothing left to foretell."""
    return equivariance.residual(z, moved).nan_to_num(0.0)


def _one(scores: Scores, name: str, verb: str) -> str:
    moves, left = scores.get(f"invariance_error of {name}"), scores.get(f"equivariance_error of {name}")
    if moves is None or left is None:
        return ""
    others = telling.beside(scores, moves.metric, who=("raw input", "untrained"))
    kind = (
        "the code hardly notices" if moves.value < 0.1 else f"the code moves by {moves.value:.2f} of the squared distance to another item"
    )
    lawful = "lawfully" if left.value < 0.2 else "in part lawfully" if left.value < 0.6 else "in no linear way"
    how = "" if moves.value < 0.1 else f", {lawful}: {1.0 - left.value:.0%} of where it goes can be foretold"
    return f"{verb}, {kind}{others}{how}"
