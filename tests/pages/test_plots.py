import re

import pytest

from allegory.pages import figures, plots
from allegory.pages.results import board, results


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, (0, 20, 40, 60, 80, 100)),
        (40, 100, (40, 60, 80, 100)),
        (0.013, 0.047, (0.02, 0.03, 0.04)),
        (5, 5, (5,)),
        (-1, 1, (-1, -0.5, 0, 0.5, 1)),
    ],
)
def test_ticks_are_round_and_inside(low, high, expected):
    assert plots.ticks(low, high, 5) == pytest.approx(expected)


def test_values_go_to_their_places():
    frame = plots.Frame(100, 100, 10, 10, 10, 10)
    at = frame.scale(plots.Axis(0, 1, ()), plots.Axis(0, 1, ()))
    assert at(0, 0) == (10, 90) and at(1, 1) == (90, 10)  # y points down on the page


def test_attributes_and_text_are_escaped():
    svg = plots.plot([plots.Series("<b>", "own", ((0, 1),))], plots.Axis(0, 1, ((0, "<i>"),), '"x"'), plots.Axis(0, 2, ()), '"><script>')
    assert "<i>" not in svg and "<script>" not in svg and "&#34;&gt;&lt;script&gt;" in svg
    assert "<b>" not in plots.key([plots.Series("<b>", "own", ())])


def test_the_few_label_plot_says_its_numbers_in_words(scores):
    svg = str(figures.few_labels(board(results(scores), "SimCLR"), chance=0.1))
    assert "SimCLR 78 at 1, 87 at 2, 93 at 4, 96 at 8, 99 at all; raw input 55 at 1" in svg
    assert svg.count('class="bar own"') == 5
    assert "chance" not in svg  # far below: it would take the others' room
    assert "chance" in str(figures.few_labels(board(results(scores), "SimCLR"), chance=0.4))


def test_intervals_are_drawn_from_low_to_high(scores):
    svg = str(figures.few_labels(board(results(scores), "SimCLR"))).split("</ul>")[1]
    top, bottom = map(float, re.search(r'd="M[\d.]+ ([\d.]+)V([\d.]+)M[^"]*" class="bar own"', svg).groups())
    centre = float(re.search(r'cx="[\d.]+" cy="([\d.]+)" r="3.8" class="mark own"', svg)[1])
    assert bottom < centre < top and abs((top + bottom) / 2 - centre) < 0.2


def test_one_column_is_no_plot():
    assert figures.few_labels(board(results([{"question": "knn", "metric": "accuracy", "value": 0.5}]), "m")) is None


def test_spikes_stay_when_points_are_thinned():
    points = [(float(i), 100.0 if i == 777 else 0.0) for i in range(10_000)]
    thin = figures.thinned(points, 240)
    assert len(thin) <= 250 and (777.0, 100.0) in thin and thin == sorted(thin)


def test_ticks_have_equally_many_decimals():
    assert plots.written((5, 5.5, 6)) == ["5.0", "5.5", "6.0"]
    assert plots.written((-1000, 0, 1000)) == ["−1,000", "0", "1,000"]
    assert plots.written((0, 2e-5)) == ["0", "2e-05"]


def test_a_loss_of_one_term_is_drawn_once():
    rows = [{"step": i, "encoder/nt_xent": 5.0 - i, "loss/encoder": 5.0 - i, "other": 1.0} for i in range(3)]
    assert [c.name for c in figures.curves(rows)] == ["encoder/nt xent", "other"]


def test_curves_part_training_from_health():
    rows = [{"step": i, "seconds": 0.1, "loss/a": 1.0 / (i + 1), "health/rank": 3.0, "note": "x", "bad": float("nan")} for i in range(5)]
    assert [c.name for c in figures.curves(rows)] == ["loss/a"]
    (rank,) = figures.curves(rows, "health/", "")
    assert rank.name == "rank" and rank.last == "3"
