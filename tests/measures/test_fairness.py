import itertools

import numpy as np
import pytest

from allegory.measures import fairness as fair
from allegory.measures.readers import fast_trees, plain_trees

SIZES = (1, 3, 4, 5)
VALUES = np.array(list(itertools.product(*map(range, SIZES))))


def copies(times=20):
    """The grid several times, so that there are items enough; the copies are the same items to the lattice."""
    return np.concatenate([VALUES] * times)


def test_total_variation_by_hand():
    """Predictions 0 and 1 for two values: (0, 100) and (100, 100). Overall (1/3, 2/3): TV 1/3 and 1/6; weighted 100/300 and 200/300."""
    counts = np.array([[0, 100], [100, 100]])
    assert fair.total_variations(counts) == pytest.approx([1 / 3, 1 / 6])
    assert fair.unfairness(counts) == pytest.approx(1 / 3 * 1 / 3 + 2 / 3 * 1 / 6)


def test_total_variation_is_half_of_the_l1_distance():
    """Predictions that follow the sensitive factor of two values: TV 1/2 to their mean each, not 1."""
    assert fair.unfairness(np.array([[50, 0], [0, 50]])) == pytest.approx(0.5)
    assert fair.unfairness(np.array([[30, 30], [20, 20]])) == 0.0
    assert fair.total_variations(np.array([[4, 0], [4, 0]])).tolist() == [0.0, 0.0]


def reads_itself(z, y):
    return lambda new: new[:, 0].astype(int)


def test_a_reader_that_follows_one_factor():
    """Codes hold factor 1 (3 values) and the reader says it whatever it is asked: towards factor 1, TV 2/3; towards the others 0."""
    z = VALUES[:, 1:2].astype(float)
    rows = np.arange(len(VALUES))
    sizes = (1, 3, 3, 5)
    values = np.minimum(VALUES, np.array(sizes) - 1)
    shown = fair.exposures(values, sizes, rows)
    assert list(shown) == [1, 2, 3] and all(intervened for _, intervened in shown.values())
    table = fair.fairness(values, sizes, z, rows, shown, reads_itself)
    assert table[0, 2, 1] == pytest.approx(2 / 3) and table[0, 3, 1] == pytest.approx(2 / 3)
    assert table[0, 1, 2] == table[0, 1, 3] == table[0, 3, 2] == table[0, 2, 3] == 0.0
    assert np.isnan(table[0, 0]).all() and np.isnan(np.diag(table[0])).all()


def test_only_items_with_all_counterparts_count():
    """Base items without a counterpart for every value of the sensitive factor are passed over; at most so many are kept."""
    values = VALUES[~((VALUES[:, 1] == 2) & (VALUES[:, 2] == 0))]
    items, intervened = fair.exposures(values, SIZES, np.arange(len(values)), most=12)[1]
    assert intervened and len(items) == 3 and all(len(one) == 10 for one in items)  # 55 // (4 * 12) is fewer than 10
    for c, one in enumerate(items):
        assert (values[one, 1] == c).all() and (values[one, 2] > 0).all()
        assert (values[one][:, [2, 3]] == values[items[0]][:, [2, 3]]).all()
    many = copies(20)
    assert {len(items[0]) for items, _ in fair.exposures(many, SIZES, np.arange(len(many)), most=12).values()} == {12}


def test_without_counterparts_the_condition_stands_in():
    values = np.array([[0, 0, i, i % 5] for i in range(4)] + [[0, 1, i, (i + 1) % 5] for i in range(4)] * 3)
    items, intervened = fair.exposures(values, SIZES, np.arange(16), most=6)[1]
    assert not intervened and [len(one) for one in items] == [4, 6, 0]


def test_what_is_shown_is_not_trained_on():
    seen = []

    def reader(z, y):
        seen.append(set(z[:, 0].astype(int)))
        return lambda new: np.zeros(len(new), dtype=int)

    rows = np.arange(len(VALUES))
    shown = fair.exposures(VALUES, SIZES, rows[-20:])
    fair.fairness(VALUES, SIZES, rows[:, None].astype(float), rows, shown, reader, most=7)
    held = {int(i) for lists, _ in shown.values() for items in lists for i in items}
    assert len(seen) == 3 and all(len(s) == 7 and not s & held for s in seen)


def test_truth_is_fair_and_a_mixture_is_not():
    sizes = (3, 5, 6, 6)
    values = np.array(list(itertools.product(*map(range, sizes))))
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(values))
    mixed = values @ np.linalg.qr(rng.standard_normal((4, 4)))[0] + 0.3 * rng.standard_normal(values.shape)
    shown = fair.exposures(values, sizes, rows[400:])
    found = {
        name: np.nanmean(fair.fairness(values, sizes, z, rows[:400], shown)[0]) for name, z in (("truth", values * 1.0), ("mixed", mixed))
    }
    assert found["truth"] == 0.0 and 0.1 < found["mixed"] < 0.6


def test_leaving_groups_out():
    """Entry 1 + g is the table without the items at places q with q mod groups = g."""
    predicted = [np.array([0, 1, 1, 0]), np.array([0, 0, 0, 0])]
    left = fair._left_out(predicted, 2, groups=2)
    counts = np.array([[2, 4], [2, 0]])
    assert left == pytest.approx(
        [fair.unfairness(counts), fair.unfairness([[1, 2], [1, 0]] * np.array(1)), fair.unfairness(counts - counts // 2)]
    )


@pytest.mark.parametrize("reader", [fast_trees, plain_trees])
def test_the_readers_read(reader):
    y = np.arange(60) % 3
    assert (reader(np.stack([y, y * 0], 1).astype(float), y)(np.array([[2.0, 0], [0, 0]])) == [2, 0]).all()
    predict = reader(np.zeros((5, 2)), np.full(5, 3))
    assert predict(np.ones((2, 2))).tolist() == [3, 3]
