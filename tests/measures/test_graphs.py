"""Graphs of neighbours: symmetric, joined, weighted, with what the methods rely on."""

import numpy as np
import pytest
import torch

from allegory.core import Misuse
from allegory.data.manifolds import sampled
from allegory.measures import graphs, spectra

RNG = np.random.default_rng(0)


def test_who_is_near_whom_by_hand():
    graph = graphs.nearest_graph(torch.tensor([[0.0], [1.0], [3.0], [3.5]]), 1)
    assert graph.toarray().tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0.5], [0, 0, 0.5, 0]]
    whole, pieces = graphs.joined(graphs.either(graph), torch.tensor([[0.0], [1.0], [3.0], [3.5]]))
    assert pieces == 2 and whole.toarray()[1, 2] == whole.toarray()[2, 1] == 2.0 and whole.nnz == 6


def test_an_edge_of_one_is_an_edge_of_both_and_copies_keep_theirs():
    x = torch.tensor([[0.0], [0.0], [1.0], [5.0]])
    graph = graphs.either(graphs.nearest_graph(x, 1))
    assert graph.nnz == 6  # 0-1 at distance 0, 2 to one of them, 3 to 2
    assert np.allclose(graph.toarray(), graph.toarray().T) and graph.indices.tolist().count(3) == 1
    ways = graphs.geodesics(graph, np.array([0]))[0]
    assert ways.tolist() == [0, 0, 1, 5]


def test_many_pieces_become_one():
    x = torch.as_tensor(np.repeat(RNG.normal(size=(40, 3)), 4, axis=0))
    whole, pieces = graphs.joined(graphs.either(graphs.nearest_graph(x, 3)), x)
    assert pieces == 40
    assert np.isfinite(graphs.geodesics(whole, np.arange(5))).all()


def test_weights_by_hand():
    graph = graphs.nearest_graph(torch.tensor([[0.0], [2.0]]), 1)
    assert graphs.weighted(graph, 4.0).toarray()[0, 1] == pytest.approx(np.exp(-1.0))
    assert graphs.weighted(graph, None).toarray()[0, 1] == 1.0
    assert graphs.shares(torch.tensor([[1.0, 2.0]]), 3.0)[0].tolist() == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])
    assert graphs.shares(torch.tensor([[1e9, 2e9]]), 3.0)[0].tolist() == [1.0, 0.0]
    assert graphs.reach(graph) == 4.0
    with pytest.raises(Misuse, match="heat above 0"):
        graphs.weighted(graph, 0.0)


def test_levels_by_hand_and_surfaces_told_from_what_has_more_dimensions():
    path = graphs.either(graphs.nearest_graph(torch.tensor([[2.0], [0.0], [1.0], [3.1], [4.3]]), 2))  # 0 is in the middle
    assert graphs.levels(path) == [1, 2, 2] and sum(graphs.levels(path)) == 5
    ratio = {}
    for name in ("swiss_roll", "S2", "S3", "S2xS2"):
        x = sampled(name, 4000).x
        ratio[name] = max(graphs.levels(graphs.either(graphs.nearest_graph(x, 10)))) ** 2 / 4000
    assert ratio["swiss_roll"] < ratio["S2"] < spectra.SURFACE < ratio["S3"] < ratio["S2xS2"]
