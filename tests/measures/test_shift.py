import numpy as np
import pytest

from allegory.measures import shift
from allegory.measures.readers import fast_trees


def test_the_split_keeps_some_values_apart():
    values = np.arange(400) % 4
    train, test = np.arange(300), np.arange(300, 400)
    found = shift.split(values, 4, train, test, 0.5, np.random.default_rng(0), most=1000)
    kept = set(values[found.seen])
    assert len(kept) == 2 and set(values[found.mixed]) == {0, 1, 2, 3}
    assert len(found.seen) == len(found.mixed) == 150
    assert set(values[found.unseen]) == {0, 1, 2, 3} - kept and len(found.unseen) == 50
    assert set(found.unseen) <= set(test)
    assert len(shift.split(values, 4, train, test, 0.5, np.random.default_rng(0), most=40).seen) == 40


@pytest.mark.parametrize(("share", "kept"), [(0.0, 1), (0.25, 1), (0.75, 3), (1.0, 3)])
def test_at_least_one_value_is_kept_and_never_all(share, kept):
    values = np.arange(40) % 4
    found = shift.split(values, 4, np.arange(40), np.arange(40), share, np.random.default_rng(0), most=99)
    assert len(set(values[found.seen])) == kept


def test_a_code_that_mixes_falls_under_shift_and_the_truth_does_not():
    """Factor s moves the number that tells y: where s is 0, y = 1 is the number 1; where s is 1, it is 0."""
    rng = np.random.default_rng(0)
    s, y = rng.integers(0, 2, 600), rng.integers(0, 2, 600)
    found = shift.split(s, 2, np.arange(300), np.arange(300, 600), 0.5, rng, most=999)
    crossed = np.stack([y ^ s, s], 1) + 0.01 * rng.standard_normal((600, 2))
    shifted, mixed = shift.hits(crossed, y, found, fast_trees)
    assert shifted.mean() == 0.0 and mixed.mean() > 0.9  # exclusive or is hard for greedy trees
    true = np.stack([y, s], 1) + 0.01 * rng.standard_normal((600, 2))
    assert [h.mean() for h in shift.hits(true, y, found, fast_trees)] == [1.0, 1.0]
