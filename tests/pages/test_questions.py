"""The sections of the report for questions beyond the boards, their pictures, and the pages of the protocols."""

import math
import xml.etree.ElementTree as ET

import pytest

from allegory.pages import asked, drawn, sections
from allegory.pages.results import results
from allegory.questions import Score, Scores, registered
from allegory.questions.picture import Curve, Curves, Heat, Points, Series


def score(question, metric, value, control=None, low=None, high=None):
    return Score(question, metric, value, low, high, 100, 1, "test", control, f"{question}/1: as always")


SCORES = Scores(
    [
        score("knn", "accuracy", 0.9),
        score("effective_rank", "effective_rank", 7.5, low=7.0, high=8.0),
        score("effective_rank", "effective_rank", 3.0, "pca"),
        score("effective_rank", "gain in effective_rank", 4.5, "pca"),
        score("of_tomorrow", "<b>wonder</b>", 1.0, "noise"),
        *(score("retrieval", f"metric {i}", i / 10, who) for i in range(7) for who in (None, "raw input")),
    ],
    pictures={"effective_rank": [Heat("<i>who</i> knows", ("a",), ("b",), ((0.5,),))]},
)


def made(scores=SCORES):
    rows = results(scores)
    return {s.name: s for found in sections.sections(rows, "Mine", sections.as_scores(scores, rows)).values() for s in found}


def test_every_question_beyond_the_boards_has_a_section():
    found = made()
    assert list(found) == ["retrieval", "effective_rank", "of_tomorrow"], "uses before nature, unknown ones last, the boards' not at all"
    table = found["effective_rank"].table
    assert table.rows == ("Mine", "PCA of the same size") and table.columns == ("effective rank",) and table.own == (True, False)
    assert [[c.value for c in row] for row in table.cells] == [["7.5"], ["3"]], "gains are not in the table"
    assert found["effective_rank"].asks == registered()["effective_rank"].card.asks and len(found["effective_rank"].pictures) == 1


@pytest.mark.parametrize(
    ("value", "low", "high", "metric", "written"),
    [(-9.5e-06, -0.0045, 0.0046, "ami", ("0.0000", "−0.0045 to 0.0046", "±0.0046")),
     (0.5, 0.4, 0.61, "mig", ("0.50", "0.40–0.61", "±0.11")),
     (0.98765, 0.98, 0.99, "accuracy", ("98.8", "98.0–99.0", "±0.8")), (1234.5, 1000.0, 1300.0, "length", ("1234", "1000–1300", "±234")),
     (3.0, None, None, "count", ("3", "", ""))],
)  # fmt: skip
def test_numbers_have_as_many_decimals_as_their_interval_says_something_about(value, low, high, metric, written):
    (result,) = results([score("retrieval", metric, value, None, low, high)])
    cell = sections.cell(result, sections.digits([result]))
    assert (cell.value, cell.full, cell.half) == written


def test_a_column_has_as_many_decimals_as_its_widest_interval_allows():
    rows = results([score("lidar", "lidar", 0.5, None, 0.4, 0.6), score("lidar", "lidar", 0.51234, "pca", 0.512, 0.513)])
    assert sections.digits(rows) == 2 and sections.cell(rows[1], 2).value == "0.51"


def test_many_metrics_go_down():
    table = made()["retrieval"].table
    assert table.columns == ("Mine", "raw input") and len(table.rows) == 7 and [c.value for c in table.cells[3]] == ["0.300", "0.300"]


def test_sections_from_a_file_are_the_same_but_for_what_is_not_in_it():
    again = Scores.read(SCORES.as_dicts(), SCORES.details())
    assert {n: (s.words, s.table, s.pictures) for n, s in made(again).items()} == {
        n: (s.words, s.table, s.pictures) for n, s in made().items()
    }
    assert not made(SCORES.as_dicts())["effective_rank"].pictures, "rows alone have no pictures"


CURVES = Curves("a & b", "labels", "accuracy", (Curve("this method", (10.0, 100.0), (0.2, 0.4), (0.1, 0.3), (0.3, 0.5)),), True, 0.1)
POINTS = Points("births", "born", "died", (Series("loop", (1.0, 2.0), (3.0, math.nan)),), True)
HEAT = Heat("which reads which", ("z1", "z2"), ("size", "x"), ((1.0, -1.0), (math.nan, 0.1)), -1.0, 1.0)


@pytest.mark.parametrize("picture", [CURVES, POINTS, HEAT, Heat("wide", ("z",), tuple(map(str, range(30))), ((0.5,) * 30,))])
def test_pictures_are_well_formed_and_escaped(picture):
    page = str(drawn.drawn(picture))
    ET.fromstring(page)
    assert page.startswith("<figure") and ("a &amp; b" in page or picture is not CURVES)


def test_a_curve_by_ratios_is_spaced_by_ratios():
    series = drawn._line(Curve("c", (1.0, 10.0, 100.0), (1.0, 2.0, 3.0)), "own", "circle", True)
    assert [x for x, _ in series.points] == [0.0, 1.0, 2.0]


def test_shades_follow_value_and_sign():
    assert [str(drawn._cell(v, HEAT, True)).split('"')[1] for v in (1.0, 0.5, 0.1, -1.0)] == ["h4", "h2", "h0", "h-4"]
    assert str(drawn._cell(math.nan, HEAT, True)) == "<td></td>"
    assert len(ET.fromstring(str(drawn.drawn(POINTS))).findall(".//*[@class='mark circle k0']")) <= 1, (
        "a point that is not finite is no point"
    )


@pytest.mark.parametrize("name", list(registered()))
def test_every_question_has_its_page(name):
    cls = registered()[name]
    page = asked.question_page(cls)
    assert page.count(cls.card.asks) == 1 and cls().settings() in page and cls.card.paper.url in page and cls.__doc__


def test_the_page_of_all_links_to_each():
    page = asked.questions_page(registered().values())
    assert all(f"]({name}.md)" in page for name in registered()) and page.index("few_labels.md") < page.index("effective_rank.md")
