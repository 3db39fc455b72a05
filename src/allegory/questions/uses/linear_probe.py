"""Can a linear classifier read the classes off the codes, when all labels may be used?

Multinomial logistic regression on standardised codes; the strength of its penalty is chosen by the balanced accuracy on the validation
part, walking from strong to weak and stopping when two steps in a row bring nothing.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from allegory.core import Paper
from allegory.questions import intervals, logistic, probing
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard

PATIENCE = 2


@final
@dataclass(frozen=True)
class LinearProbe(Question):
    """`strengths`: the weights of |W|^2 / 2 against the mean loss, strong to weak. `tolerance` of the mean gradient's largest entry."""

    strengths: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
    tolerance: float = 1e-4

    card: ClassVar[QuestionCard] = QuestionCard(
        name="linear_probe",
        asks="How well does a linear classifier read the classes off the codes, with all labels?",
        needs=("labels",), better="higher", usual=True, bounds=(0.0, 1.0),
        paper=Paper("Alain and Bengio", "Understanding intermediate layers using linear classifier probes", 2016,
                    "https://arxiv.org/abs/1610.01644", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        grid = ", ".join(f"{s:g}" for s in self.strengths)
        return (
            f"multinomial logistic regression on codes standardised by the training part, strength from ({grid}) times n by "
            f"validation's balanced accuracy, tolerance {self.tolerance:g}"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return len(features.labelled("test")), "test"

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        test = probing.Labelled.of(features, "test")
        z = probing.standardised(subject.z, features.parts["train"])
        chosen = self.choose(z, features)
        hits = chosen.logits(z[test.index])[0].argmax(1) == test.y
        accuracy, balanced = intervals.of_hits(hits[None].numpy(), test.y.numpy(), features.seed)
        return {"accuracy": accuracy, "balanced_accuracy": balanced}

    def choose(self, z: Tensor, features: Features) -> logistic.Linear:
        """The classifier of the best strength; the test part is not looked at."""
        train, validation = probing.to_choose_by(features)
        x, seen = z[train.index], z[validation.index]
        best, best_value, worse = None, -1.0, 0
        strengths = [s * len(train) for s in self.strengths]
        for linear in logistic.path(x, train.y, features.classes, strengths, self.tolerance):
            value = probing.balanced(linear.logits(seen)[0].argmax(1) == validation.y, validation.y)
            if value > best_value:
                best, best_value, worse = linear, value, 0
            elif (worse := worse + 1) == PATIENCE:
                break
        assert best is not None, "a balanced accuracy is at least 0"
        return best
