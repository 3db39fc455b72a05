"""Questions put to a representation and its controls, on one gathering of codes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from allegory.core import Problem
from allegory.questions import registry
from allegory.questions.controls import Ceiling
from allegory.questions.features import Features
from allegory.questions.gathering import gather
from allegory.questions.question import Question
from allegory.questions.score import Scores

Asked = Sequence[Question | str] | Literal["usual", "all"] | None


def ask(
    subject: Any,
    source: Any,
    questions: Asked = None,
    controls: Sequence[str] | None = None,
    seed: int = 0,
    ceiling: Ceiling | None = None,
    cache: Path | None = None,
    quiet: bool = True,
) -> Scores:
    """Scores of `subject` and of its controls on the test part of `source`, with 95 % intervals, notes and pictures.

    `subject`: a `Representation`; a list of them, one for each training seed of one method; any function of stored observations (or an
    object with `encode` or `transform`); or an array of codes (n, z) in the order of the source. `questions`: names or values, "all", or
    "usual" (None): those that are asked after every learning. `controls`: among "raw input", "pca", "hand-made" (images only),
    "untrained", "supervised", None is all. `seed` draws the labelled items and the resamplings; `ceiling` bounds the training of the
    supervised control; `cache` is a folder where codes are kept, so that nothing is encoded or trained twice; unless `quiet` there is a
    progress bar.
    Raises `Misuse` for unknown names and for arguments that do not fit; what cannot be asked of these data is left out with a note.
    """
    chosen = registry.chosen(questions)
    features, notes = gather(subject, source, controls, seed, ceiling, cache)
    if questions in (None, "usual"):  # what few data have is not missed where nobody asked for it
        chosen = [q for q in chosen if "relations" not in q.card.needs or not q.missing(features)]
    return put(features, chosen, notes, quiet)


def put(features: Features, questions: Sequence[Question], notes: Sequence[str] = (), quiet: bool = True, alone: bool = False) -> Scores:
    """The questions put to features that are there already; `alone`: of the method only, without pictures."""
    found, said, pictures = Scores(), list(notes), dict[str, Any]()
    bar = tqdm(questions, disable=quiet or not sys.stderr.isatty(), leave=False, unit="question")
    for question in bar:
        name = question.card.name
        if reason := question.missing(features):
            said.append(reason)
            continue
        bar.set_description(name)
        try:
            answer = question.ask(features, lambda who, bar=bar: bar.set_postfix_str(who), alone)
        except Problem as e:
            said.append(f"{name} could not be answered: {e}")
            continue
        found.extend(answer)
        pictures |= answer.pictures
        said.append(question.remark(features))
    return Scores(found, filter(None, said), pictures)
