"""The verdict claims what the intervals carry and no more."""

from helpers.scores import few, score

from allegory.pages.results import results
from allegory.pages.words import verdict


def said(*rows):
    return verdict(results(rows), "SimCLR", "digits")


def test_better_than_every_control():
    v = said(*few(None, 0.78), *few("raw input", 0.55), *few("untrained", 0.58))
    assert v.kind == "better"
    assert v.lead == "With one label a class, SimCLR reads digits at 78 % (95 % interval 76–80); the raw input alone gives 55 %."
    assert "better than every control" in v.detail[0] and "untrained network, reaches 58 %" in v.detail[0]


def test_overlapping_intervals_are_not_called_better():
    v = said(*few(None, 0.78), *few("raw input", 0.50), *few("untrained", 0.75))
    assert v.kind == "unclear" and v.mark == "not clearly better than the controls"
    assert "not clearly better than untrained network" in v.detail[0] and "may be chance" in v.detail[0]


def test_worse_than_one_control_is_worse():
    v = said(*few(None, 0.60), *few("raw input", 0.70), *few("untrained", 0.40))
    assert v.kind == "worse" and "worse than raw input, at 70 %" in v.detail[0]


def test_a_paired_gain_decides_where_there_is_one():
    rows = [*few(None, 0.78), *few("untrained", 0.75)]
    clear = said(*rows, score("gain in accuracy@1", 0.03, 0.01, 0.05, "untrained"))
    assert clear.kind == "better" and "paired difference is 3.0 points (95 % interval 1.0 to 5.0)" in clear.detail[0]
    assert said(*rows, score("gain in accuracy@1", 0.03, -0.01, 0.07, "untrained")).kind == "unclear"
    assert said(*rows, score("gain in accuracy@1", -0.03, -0.05, -0.01, "untrained")).kind == "worse"


def test_the_supervised_ceiling_is_no_rival():
    v = said(*few(None, 0.78), *few("supervised", 0.99), *few("pca", 0.5))
    assert v.kind == "better" and "supervised" not in " ".join(v.detail)
    assert said(*few(None, 0.78), *few("supervised", 0.99)).kind == "alone"


def test_without_intervals_nothing_is_told_apart():
    assert said(score("accuracy@1", 0.9), score("accuracy@1", 0.1, control="pca")).kind == "unclear"


def test_a_finding_that_turns_with_more_labels_is_said():
    v = said(*few(None, 0.78, 0.80, 0.85, 0.88, 0.90), *few("raw input", 0.50, 0.60, 0.84, 0.93, 0.96))
    assert v.kind == "better"
    assert v.detail[1].startswith("With four labels a class it reaches 85 %") and v.detail[1].endswith("not told apart.")
    assert v.detail[2].startswith("With all labels it reaches 90 %") and v.detail[2].endswith("worse.")


def test_unmeasured_says_so():
    v = said(score("effective_rank", 3.0, question="effective_rank"))
    assert v.kind == "unmeasured" and "not measured" in v.lead


def test_narrow_intervals_get_a_decimal():
    assert "98.7 % (95 % interval 98.2–99.2)" in said(*few(None, 0.987, half=0.005)).lead


def test_a_hierarchy_is_judged_by_its_relations():
    """Where nothing has labels, but the question of relations was asked."""
    own, raw = (score("map", *v, question="relations") for v in ((0.83, 0.80, 0.86), (0.441, 0.436, 0.446, "raw input")))
    v = said(own, raw, score("gain in map", 0.39, 0.36, 0.42, "raw input", question="relations"))
    assert v.kind == "better" and v.lead == (
        "By distance, SimCLR finds the relations of digits again with a mean average precision of 83 % (95 % interval 80–86); "
        "the raw input alone gives 44.1 %."
    )
