"""Graphs of neighbours: symmetric, joined, weighted, with what the methods rely on."""

import numpy as np
import pytest
import torch

from allegory.core import Misuse
from allegory.data.manifolds import sampled
from allegory.measures import graphs

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


def test_levels_by_hand():
    path = graphs.either(graphs.nearest_graph(torch.tensor([[2.0], [0.0], [1.0], [3.1], [4.3]]), 2))  # 0 is in the middle
    assert graphs.levels(path) == [1, 2, 2] and sum(graphs.levels(path)) == 5


KINDS = (("swiss_roll", True), ("S2", True), ("klein", True), ("sheet", True), ("S3", False), ("S2xS2", False), ("bar", False))


@pytest.mark.parametrize(("name", "flat"), KINDS)
def test_surfaces_are_told_from_what_has_more_dimensions(name, flat):
    """The bar's levels are no wider than those of a sphere; but balls grow as r^3."""
    shapes = {"sheet": (1.0, 20.0), "bar": (1.0, 1.0, 2.0)}
    rng = np.random.default_rng(0)
    x = torch.as_tensor(rng.random((20000, len(shapes[name]))) * shapes[name]) if name in shapes else sampled(name, 8000).x
    whole, _ = graphs.joined(graphs.either(graphs.nearest_graph(x, 10)), x)
    assert graphs.is_surface(whole) == flat
