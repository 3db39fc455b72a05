"""What is asked of a representation, and the controls it is compared with. Nothing here trains an encoder but the supervised ceiling
and fine-tuning."""

from allegory.questions.asking import ask, put
from allegory.questions.comparing import compare
from allegory.questions.controls import CONTROLS, Ceiling
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.gathering import gather
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.references import CEILINGS
from allegory.questions.registry import find, group, registered
from allegory.questions.score import Score, Scores
from allegory.questions.tabulate import Row, columns, table

__all__ = [
    "CEILINGS", "CONTROLS", "Ceiling", "CodeSet", "Evidence", "Features", "Question", "QuestionCard", "Row", "Score", "Scores",
    "Subject", "ask", "columns", "compare", "find", "gather", "group", "put", "registered", "table",
]  # fmt: skip
