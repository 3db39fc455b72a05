"""Rows by what is in them: their order, each once, and landmarks."""

import numpy as np
import torch

from allegory.measures.content import landmarks, once, ordered

X = torch.as_tensor(np.random.default_rng(0).normal(size=(200, 3)))


def test_the_same_items_in_whatever_order_they_come():
    turn = torch.as_tensor(np.random.default_rng(1).permutation(200))
    rows = lambda x, m: sorted(map(tuple, x[landmarks(x, m)].tolist()))
    assert rows(X, 20) == rows(X[turn], 20) and len(rows(X, 20)) == 20
    assert set(rows(X, 10)) < set(rows(X, 20))


def test_all_where_there_are_no_more_and_copies_once_while_there_are_others():
    assert sorted(landmarks(X, 500).tolist()) == list(range(200))
    twice = torch.cat([X[:30], X[:30]])
    assert len({tuple(r) for r in twice[landmarks(twice, 30)].tolist()}) == 30
    assert len(landmarks(twice, 40)) == 40


def test_they_are_as_good_as_random():
    """Their mean is that of the items, within what 50 draws allow (4 standard errors)."""
    assert float(X[landmarks(X, 50)].mean(0).abs().max()) < 4 / 50**0.5


def test_an_order_of_their_own_and_each_once():
    turn = torch.as_tensor(np.random.default_rng(1).permutation(200))
    assert torch.equal(ordered(X), ordered(X[turn])) and not torch.equal(ordered(X), X)
    twice = torch.cat([X[:30], X[:30] * 1.0, -torch.zeros(1, 3), torch.zeros(1, 3)])
    first, which = once(twice)
    assert len(first) == 31 and torch.equal(twice[first], ordered(twice[torch.as_tensor([*range(30), 61])]))
    assert torch.equal(twice[first[which]], twice)
