"""What is asked of a representation, and the controls it is compared with. Nothing here trains an encoder but the supervised ceiling."""

from allegory.questions.asking import QUESTIONS, ask, put
from allegory.questions.comparing import compare
from allegory.questions.controls import CONTROLS, Ceiling
from allegory.questions.effective_rank import EffectiveRank
from allegory.questions.features import CodeSet, Features
from allegory.questions.few_labels import FewLabels
from allegory.questions.gathering import gather
from allegory.questions.geometry import Alignment, Uniformity
from allegory.questions.intervals import Evidence
from allegory.questions.knn import KNN
from allegory.questions.linear_probe import LinearProbe
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Score, Scores
from allegory.questions.tabulate import Row, columns, table

__all__ = [
    "CONTROLS", "KNN", "QUESTIONS", "Alignment", "Ceiling", "CodeSet", "EffectiveRank", "Evidence", "Features", "FewLabels",
    "LinearProbe", "Question", "QuestionCard", "Row", "Score", "Scores", "Uniformity", "ask", "columns", "compare", "gather", "put",
    "table",
]  # fmt: skip
