import dataclasses

import numpy as np
import pytest
import torch

from allegory.measures import shift
from allegory.questions import put
from allegory.questions.uses.covariate_shift import GROUPS, CovariateShift, left_out, linear


def values(scores):
    return {(s.metric, s.control): s.value for s in scores}


@pytest.fixture(scope="module")
def scores(on_sprites):
    return put(on_sprites(), [CovariateShift(train=120)])


def test_truth_stands_the_shift_and_a_mixture_does_not(scores):
    found = values(scores)
    assert found["accuracy_under_shift@trees", "truth"] > 0.99 and abs(found["drop@trees", "truth"]) < 0.01
    assert (
        found["drop@trees", None] > 0.1 and found["accuracy_under_shift@trees", None] < found["accuracy_under_shift@trees", "truth"] - 0.1
    )
    assert found["accuracy_under_shift@linear", "noise"] < 0.5 and abs(found["drop@linear", "noise"]) < 0.1


def test_the_drop_is_what_the_reader_of_all_values_has_more(scores, on_sprites):
    """Worked out again for every pair: mean of (all values - some values)."""
    features, question = on_sprites(), CovariateShift(train=120)
    z = features.sets[None].seeds[0].numpy()
    hits = [shift.hits(z, y, split, linear) for y, split in question.splits(features)]
    assert len(hits) == 20
    assert values(scores)["drop@linear", None] == pytest.approx(np.mean([mixed.mean() - shifted.mean() for shifted, mixed in hits]))
    assert values(scores)["accuracy_under_shift@linear", None] == pytest.approx(np.mean([shifted.mean() for shifted, _ in hits]))


def test_intervals_and_words(scores):
    assert all(s.low <= s.value <= s.high for s in scores)
    assert "lost to the shift (trees reader)" in CovariateShift().words(scores) and "the true factors" in CovariateShift().words(scores)


def test_leaving_out_by_item_number():
    """Items 0, 16 and 3: without group 0 the mean is that of item 3 alone."""
    found = left_out(np.array([1.0, 1.0, 0.0]), np.array([0, GROUPS, 3]))
    assert found[0] == pytest.approx(2 / 3) and found[1] == 0.0 and found[4] == 1.0 and found[2] == found[0]


def test_the_linear_reader():
    z = np.array([[0.0, 1.0], [1.0, 1.0], [10.0, 1.0], [11.0, 1.0]])
    assert linear(z, np.array([2, 2, 5, 5]))(np.array([[-3.0, 1.0], [30.0, 1.0]])).tolist() == [2, 5]
    assert linear(z, np.full(4, 7))(z).tolist() == [7] * 4


def test_hostile(make_features, on_sprites):
    assert "factors" in put(make_features(), [CovariateShift()]).notes[0]
    constant = put(on_sprites(torch.zeros(432, 2)), [CovariateShift(train=20)])
    assert abs(values(constant)["drop@linear", None]) < 0.2
    features = on_sprites()
    few = dataclasses.replace(features, parts={**features.parts, "test": features.parts["test"][:1]})
    assert "fewer than 64" in put(few, [CovariateShift()]).notes[0]
