from helpers.scores import few, score

from allegory.pages import tables
from allegory.pages.results import board, results


def test_the_table_of_the_terminal(scores):
    text = tables.text(scores, "SimCLR", "digits", width=80)
    head, own, raw = text.splitlines()[:3]
    assert head.split() == ["1", "2", "4", "8", "all"]
    assert own.split() == ["SimCLR", "78.0±2.0", "87.0±2.0", "93.0±2.0", "96.0±2.0", "99.0±2.0"]
    assert raw.split()[:3] == ["raw", "input", "55.0±2.0"]
    assert "That is better than every control" in text.replace("\n", " ")
    assert max(map(len, text.splitlines())) <= 80 and "\x1b" not in text


def test_the_longer_side_of_the_interval_is_shown():
    assert "50.0±10.0" in tables.text([score("accuracy@1", 0.5, 0.48, 0.6)], "m")


def test_colours_are_for_terminals():
    assert "\x1b[1m" in tables.text(few(None, 0.5), "m", rich=True)


def test_names_are_no_markup_in_the_terminal():
    text = tables.text(few(None, 0.5), "[red]m[/red]", rich=True)
    assert "[red]m[/red]" in text


def test_nothing_measured_no_table():
    assert tables.text([], "m") == ""


def test_markdown_escapes():
    table = tables.markdown(board(results(few(None, 0.5)), "a|b <i> `c` [d](e) *f* \n# g"))
    assert len(table.splitlines()) == 3
    assert table.splitlines()[2].count("|") == table.splitlines()[1].count("|")
    for mark in ("<i>", "`c`", "[d]", "*f*", "\n# g"):
        assert mark not in table.replace("\\", "\\\\") or f"\\{mark[0]}" in table
    assert tables.escaped("<&|") == "&#60;&#38;&#124;"
    assert tables.escaped("*x*") == "\\*x\\*"
