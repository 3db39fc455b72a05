"""All questions, of a representation and its controls, on one gathering of codes."""

from collections.abc import Sequence
from typing import Any

from allegory.core import nearest
from allegory.questions.controls import Ceiling
from allegory.questions.effective_rank import EffectiveRank
from allegory.questions.features import Features
from allegory.questions.few_labels import FewLabels
from allegory.questions.gathering import gather
from allegory.questions.geometry import Alignment, Uniformity
from allegory.questions.knn import KNN
from allegory.questions.linear_probe import LinearProbe
from allegory.questions.question import Question
from allegory.questions.score import Scores

QUESTIONS: dict[str, type[Question]] = {q.card.name: q for q in (FewLabels, LinearProbe, KNN, EffectiveRank, Uniformity, Alignment)}


def ask(
    subject: Any,
    source: Any,
    questions: Sequence[Question | str] | None = None,
    controls: Sequence[str] | None = None,
    seed: int = 0,
    ceiling: Ceiling | None = None,
) -> Scores:
    """Scores of `subject` and of its controls on the test part of `source`, with 95 % intervals and notes.

    `subject`: a `Representation`; a list of them, one for each training seed of one method; any function of stored observations (or an
    object with `encode` or `transform`); or an array of codes (n, z) in the order of the source. `questions`: names or values, None is
    all that the data allow. `controls`: among "raw input", "pca", "untrained", "supervised", None is all. `seed` draws the labelled
    items and the resamplings; `ceiling` bounds the training of the supervised control.
    Raises `Misuse` for unknown names and for arguments that do not fit; what cannot be asked of these data is left out with a note.
    """
    chosen = [named(q) for q in (QUESTIONS if questions is None else questions)]
    features, notes = gather(subject, source, controls, seed, ceiling)
    return put(features, chosen, notes)


def put(features: Features, questions: Sequence[Question], notes: Sequence[str] = ()) -> Scores:
    """The questions put to features that are there already."""
    asked = [question for question in questions if not question.missing(features)]
    scores = [score for question in asked for score in question.ask(features)]
    said = [question.missing(features) or question.remark(features) for question in questions]
    return Scores(scores, (*notes, *(note for note in said if note)))


def named(question: Question | str) -> Question:
    """A question by name, with its usual settings."""
    if isinstance(question, Question):
        return question
    if question not in QUESTIONS:
        raise nearest(question, list(QUESTIONS), "question")
    return QUESTIONS[question]()
