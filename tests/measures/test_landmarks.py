"""Landmarks: drawn by content."""

import numpy as np
import torch

from allegory.measures.landmarks import landmarks

X = torch.as_tensor(np.random.default_rng(0).normal(size=(200, 3)))


def test_the_same_items_in_whatever_order_they_come():
    turn = torch.as_tensor(np.random.default_rng(1).permutation(200))
    rows = lambda x, m: sorted(map(tuple, x[landmarks(x, m)].tolist()))
    assert rows(X, 20) == rows(X[turn], 20) and len(rows(X, 20)) == 20
    assert set(rows(X, 10)) < set(rows(X, 20))


def test_all_where_there_are_no_more_and_copies_once_while_there_are_others():
    assert landmarks(X, 500).tolist() == list(range(200))
    twice = torch.cat([X[:30], X[:30]])
    assert len({tuple(r) for r in twice[landmarks(twice, 30)].tolist()}) == 30
    assert len(landmarks(twice, 40)) == 40


def test_they_are_as_good_as_random():
    """Their mean is that of the items, within what 50 draws allow (4 standard errors)."""
    assert float(X[landmarks(X, 50)].mean(0).abs().max()) < 4 / 50**0.5
