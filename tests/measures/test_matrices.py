import numpy as np
import pytest

from allegory.measures.matrices import matrices

SIZES = (1, 3, 2, 5, 4)


@pytest.fixture(scope="module", params=["hard", "easy"])
def many(request):
    return matrices(6000, SIZES, np.random.default_rng(0), request.param)


def completed(puzzles):
    """(m, 3, 3, f): the matrices with the right answer in place."""
    right = puzzles.answers[np.arange(len(puzzles.right)), puzzles.right]
    return np.concatenate([puzzles.context, right[:, None]], 1).reshape(len(right), 3, 3, -1)


def test_the_right_answer_keeps_the_rule_and_no_other_does(many):
    rows = completed(many)
    same = (rows == rows[:, :, :1]).all((1, 2))
    assert same[many.constant].all()
    for k in range(6):
        fits = ((many.answers[:, k] == rows[:, 2, 0]) | ~many.constant).all(1)
        assert (fits == (many.right == k)).all()


def test_candidates_differ(many):
    keys = np.ravel_multi_index(tuple(np.moveaxis(many.answers, -1, 0)), SIZES)
    assert all(len(set(row)) == 6 for row in keys)


def test_other_factors_keep_no_rule_in_the_first_rows(many):
    rows = many.context[:, :6].reshape(-1, 2, 3, len(SIZES))
    a, b, c = np.moveaxis(rows, 2, 0)
    ruled = ((a == b) & (b == c)).all(1) | ((a != b) & (b != c) & (a != c)).all(1)
    free = ~many.constant & (np.array(SIZES) > 1)
    assert not (ruled & free).any()


def test_one_two_or_three_factors_are_constant_alike(many):
    counts = np.bincount(many.constant.sum(1), minlength=5)
    assert counts[0] == counts[4] == 0
    assert np.abs(counts[1:4] / 6000 - 1 / 3).max() < 0.025  # four standard errors of a share of 1/3 of 6,000
    assert not many.constant[:, 0].any()
    assert np.abs(many.constant[:, 1:].mean(0) - 0.5).max() < 0.03


def test_neither_place_nor_panel_tells_the_answer(many):
    """Places are uniform; so is the panel, right or wrong: |share - expected| within four standard errors everywhere."""
    places = np.bincount(many.right, minlength=6) / 6000
    assert np.abs(places - 1 / 6).max() < 4 * np.sqrt(5 / 36 / 6000)
    is_right = np.arange(6) == many.right[:, None]
    for i, size in list(enumerate(SIZES))[1:]:
        for which in (is_right, ~is_right):
            values = many.answers[which][:, i]
            # Wrong candidates of one puzzle are not independent: as if there were one a puzzle.
            assert np.abs(np.bincount(values, minlength=size) / len(values) - 1 / size).max() < 4 * np.sqrt((1 - 1 / size) / size / 6000)


def test_how_little_a_panel_without_context_tells(many):
    """The best rule "take a candidate with this value of this factor" stays below .23: the floor that the module's text speaks of."""
    rows, found = np.arange(len(many.right)), []
    for i, size in list(enumerate(SIZES))[1:]:
        for value in range(size):
            has = many.answers[:, :, i] == value
            count = has.sum(1)
            found.append(np.where(count > 0, has[rows, many.right] / np.maximum(count, 1), 1 / 6).mean())
    assert 1 / 6 - 0.02 < max(found) < 0.23


def test_hard_candidates_are_nearer_to_the_right_one():
    """A hard candidate differs in one more constant factor a step; an easy one in any of them."""
    wrong = {}
    for kind in ("hard", "easy"):
        m = matrices(2000, (4, 4, 4, 4), np.random.default_rng(1), kind)
        apart = m.answers != m.context[:, 6][:, None]
        wrong[kind] = (apart & m.constant[:, None]).sum() / (m.constant.sum() * 5)
    assert wrong["hard"] < wrong["easy"] - 0.05


def test_the_same_numbers_give_the_same_puzzles():
    a, b, c = (matrices(20, SIZES, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert (a.answers == b.answers).all() and (a.context == b.context).all() and not (a.answers == c.answers).all()


def test_too_few_values():
    with pytest.raises(ValueError, match="too few values"):
        matrices(3, (2, 2, 2), np.random.default_rng(0))
