import pytest
from helpers.scores import few, score

from allegory.core import Problem
from allegory.pages.results import board, others, results


def test_the_board_has_the_method_first_and_columns_in_order():
    rows = results(
        [*few("raw input", 0.5, 0.6, 0.7, 0.8, 0.9), *few(None, 0.7, 0.8, 0.85, 0.9, 0.95), score("accuracy", 0.91, question="knn")]
    )
    table = board(rows, "SimCLR")
    assert table.columns == ("1", "2", "4", "8", "all", "kNN")
    assert [line.who for line in table.lines] == ["SimCLR", "raw input"]
    assert table.cell(None, "4").value == 0.85 and table.cell("raw input", "all").value == 0.9
    assert table.cell("raw input", "kNN") is None and table.cell("pca", "1") is None


def test_ten_labels_come_after_two():
    rows = results([score("accuracy@10", 0.9), score("accuracy@2", 0.8)])
    assert board(rows, "m").columns == ("2", "10")


def test_balanced_accuracy_and_gains_have_boards_of_their_own():
    rows = results([score("accuracy@1", 0.9), score("balanced_accuracy@1", 0.8), score("gain in accuracy@1", 0.1, control="pca")])
    assert board(rows, "m", "balanced_accuracy").cell(None, "1").value == 0.8
    assert [line.control for line in board(rows, "m", "gain in accuracy").lines] == ["pca"]


def test_other_measures_are_what_no_board_shows_and_gains_are_none():
    ranks = [score("effective_rank", v, control=c, question="effective_rank") for c, v in ((None, 7.0), ("pca", 9.0))]
    rows = results([score("accuracy@1", 0.9), score("gain in accuracy@1", 0.1, control="pca"), *ranks])
    (only,) = others(rows, [board(rows, "m")])
    assert only.metric == "effective_rank" and {k: r.value for k, r in only.by.items()} == {None: 7.0, "pca": 9.0}


def test_scores_without_a_value_are_left_out_and_bad_ones_named():
    assert results([score("accuracy@1", None)]) == ()
    with pytest.raises(Problem, match="a score cannot be read"):
        results([score("accuracy@1", "high")])


def test_scores_may_be_objects():
    from allegory.questions import Score

    (row,) = results([Score("knn", "accuracy", 0.5, 0.4, 0.6, 10, 3, "test", None, "p")])
    assert (row.value, row.seeds, row.control) == (0.5, 3, None)
