import math

import pytest

from allegory.pages import numbers


@pytest.mark.parametrize(
    ("x", "words"),
    [(0.01234, "0.0123"), (4.5678, "4.57"), (78.94, "78.9"), (1797, "1,797"), (12345.6, "12,346"), (1.23e7, "1.2e+07"), (-2.345, "−2.35"),
     (0, "0"), (5e-5, "5e-05"), (math.nan, "–"), (None, "–"), (math.inf, "–")],
)  # fmt: skip
def test_three_significant_digits(x, words):
    assert numbers.number(x) == words


def test_shares_are_percent_and_gains_have_signs():
    assert numbers.value(0.7812, "accuracy@1") == "78.1"
    assert numbers.value(23.44, "effective_rank") == "23.4"
    assert numbers.value(0.05, "gain in accuracy@1") == "+5.0"
    assert numbers.interval(0.7, 0.8, "balanced_accuracy") == "70.0–80.0"
    assert numbers.interval(-0.01, 0.02, "gain in accuracy") == "−1.0 to +2.0"
    assert numbers.interval(-2.5, -1.5, "uniformity") == "−2.50 to −1.50"
    assert numbers.interval(None, 0.8, "accuracy") == ""


def test_nothing_is_minus_zero():
    assert numbers.decimals(-0.001) == "0.00" and numbers.decimals(-0.5) == "−0.50"
    assert [numbers.signed(v) for v in (-0.01, 0.01, 0.26, -1.21)] == ["0", "0", "+0.3", "−1.2"]


def test_time():
    assert [numbers.seconds(s) for s in (8.234, 200, 7500, None)] == ["8.2 s", "3 min 20 s", "2 h 5 min", "–"]


def test_the_side_of_an_interval_is_as_exact_as_its_value():
    assert numbers.half(0.781, 0.762, 0.795, "accuracy@1") == "±1.9"
    assert numbers.half(-0.455, -0.462, -0.448, "uniformity") == "±0.007"
    assert numbers.half(47.1, 46.6, 47.4, "effective_rank") == "±0.5"


@pytest.mark.parametrize(
    ("words", "tidied"),
    [
        ("it is 86% here", "it is 86 % here"),
        ("-0% for", "0 % for"),
        ("-0.0 and -0.5, 2-3", "0.0 and −0.5, 2-3"),
        ("R-1 of -12%", "R-1 of −12 %"),
    ],
)
def test_answers_are_written_as_the_page_writes_numbers(words, tidied):
    assert numbers.tidy(words) == tidied


def test_metrics_have_their_names():
    assert [numbers.title(m) for m in ("map_at_r", "nmi", "pairwise_f1", "r2 of size", "effective_rank")] == [
        "MAP@R", "NMI", "pairwise F1", "R² of size", "effective rank",
    ]  # fmt: skip
