"""The table of all methods: what is measured, what is missing, and who beats both controls."""

from allegory.methods.contrastive.byol import BYOL
from allegory.methods.contrastive.simclr import SimCLR
from allegory.methods.supervised.classifier import Classifier
from allegory.pages.board import COLUMNS, board_page


def rows(method, value, gains, alarms=()):
    return [
        {
            "method": method, "data": "d", "question": question, "metric": metric, "value": value, "low": value - 0.01,
            "high": value + 0.01, "gains": gains, "seconds": 61.4, "peak_memory_bytes": 3 << 20, "alarms": list(alarms),
        }
        for question, metric, _ in COLUMNS
    ]  # fmt: skip


BOTH = {"untrained": [0.1, 0.05, 0.15], "pca": [0.02, 0.01, 0.03]}
ONE = {"untrained": [0.1, 0.05, 0.15], "pca": [0.02, -0.01, 0.05]}


def page(*measured):
    return board_page("Title", "About.", "d", [SimCLR, BYOL, Classifier], [r for some in measured for r in some])


def test_what_was_not_measured_is_missing_and_stands_last():
    text = page(rows("BYOL", 0.7, BOTH))
    own = [line for line in text.splitlines() if line.startswith("| [")]
    assert [line.split("]")[0][3:] for line in own] == ["BYOL", "SimCLR", "Classifier"]
    assert "0.700 ± 0.010" in own[0] and "| 61 | 3 |" in own[0] and "**+0.020 (+0.010 to +0.030)**" in own[0]
    assert own[1].count("missing") == len(COLUMNS)
    assert "1 of 2 were not measured; 1 of 1 beat the untrained network and PCA" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1, "every line has the columns of the head"


def test_a_gain_whose_interval_holds_0_does_not_count_and_labels_are_another_game():
    text = page(rows("BYOL", 0.7, ONE), rows("SimCLR", 0.8, BOTH), rows("Classifier", 0.9, BOTH))
    assert "all 2 were measured; 1 of 2 beat" in text and "Not: BYOL." in text and "None was left collapsed." in text
    assert "+0.020 (-0.010 to +0.050)" in text and "**+0.020 (-0.010" not in text


def test_a_collapse_is_told():
    assert "Left collapsed: SimCLR." in page(rows("SimCLR", 0.8, BOTH, ["dimensional collapse"]))


def test_rows_of_other_data_and_rows_without_gains_are_not_of_this_table():
    other = [{**r, "data": "e"} for r in rows("SimCLR", 0.8, BOTH)]
    plain = [{k: v for k, v in r.items() if k != "gains"} for r in rows("SimCLR", 0.8, BOTH)]
    assert page(other, plain).count("missing") == 3 * len(COLUMNS) + 4 * len(COLUMNS)
