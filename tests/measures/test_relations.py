import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from allegory.measures import relations


def test_ranks_and_precision_by_hand():
    d = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0]])  # the query, related, not, related, not
    related = torch.tensor([[False, True, False, True, False]])
    found = relations.reconstructed(d, related, torch.tensor([[False, True, True, True, True]]))
    assert found.ranks.tolist() == [1 + 2] and found.mean_rank() == 1.5
    assert found.precision.tolist() == pytest.approx([(1 / 1 + 2 / 3) / 2])


def test_what_is_as_far_counts_before_it():
    d, searched = torch.zeros(1, 5), torch.tensor([[False, True, True, True, True]])
    found = relations.reconstructed(d, torch.tensor([[False, True, False, True, False]]), searched)
    assert found.mean_rank() == 3 and found.mean_precision() == pytest.approx(2 / 4)


def test_mean_ranks_are_over_relations_and_precision_over_queries():
    d = torch.tensor([[0.0, 1, 2, 3], [1.0, 0, 2, 3]])
    related = torch.tensor([[False, False, False, True], [True, False, True, False]])
    found = relations.reconstructed(d, related, ~torch.eye(2, 4, dtype=torch.bool))
    assert found.mean_rank() == pytest.approx((3 + 1 + 1) / 3) and found.mean_precision() == pytest.approx((1 / 3 + 1) / 2)


def test_as_scikit_learn_has_it():
    rng = np.random.default_rng(0)
    d, related = rng.integers(0, 30, (20, 40)).astype(float), rng.uniform(size=(20, 40)) < 0.2  # with ties
    found = relations.reconstructed(torch.as_tensor(d), torch.as_tensor(related), torch.ones(20, 40, dtype=torch.bool))
    theirs = [average_precision_score(y, -row) for y, row in zip(related, d, strict=True)]
    np.testing.assert_allclose(found.precision.numpy(), theirs)


def test_only_what_does_not_follow_is_direct():
    chain = torch.tensor([[1, 0], [2, 1], [2, 0], [3, 0]])
    assert relations.direct(chain, 4).tolist() == [[1, 0], [2, 1], [3, 0]]
