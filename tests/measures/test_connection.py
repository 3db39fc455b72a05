"""The graph of neighbours as a manifold: tangents, transports, Laplacians of small graphs by hand, eigenvalues beside a dense solver."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from allegory.data.manifolds import sampled
from allegory.measures import connection, neighbours


def ring(n):
    """n points of the unit circle, each with its two neighbours."""
    angle = 2 * math.pi * torch.arange(n, dtype=torch.float64) / n
    i = torch.arange(n)
    return torch.stack([angle.cos(), angle.sin()], 1), torch.stack([(i - 1) % n, (i + 1) % n], 1)


def test_edges_go_both_ways_and_are_sorted():
    near = torch.tensor([[1], [0], [1]])
    edges = connection.Edges.of(near, torch.zeros(3, 1))
    assert edges.i.tolist() == [0, 1, 1, 2] and edges.j.tolist() == [1, 0, 2, 1] and edges.degrees.tolist() == [1, 2, 1]


def test_parts_are_joined_where_they_are_nearest():
    x = torch.tensor([[0.0], [1.0], [5.0], [6.0], [20.0], [21.0]])
    near = torch.tensor([[1], [0], [3], [2], [5], [4]])
    edges = connection.Edges.of(near, x)
    pairs = set(zip(edges.i.tolist(), edges.j.tolist(), strict=True))
    assert {(1, 2), (2, 1), (3, 4), (4, 3)} < pairs and len(pairs) == 10


def test_tangents_are_taken_around_the_mean():
    """Neighbours on one side, at height 3: around the item their offset is the first direction, around the mean their line is."""
    x = torch.tensor(
        [[0.0, 0.0], [-1.0, 3.0], [1.0, 3.0], [0.0, 3.0], [-2.0, 3.0], [2.0, 3.0], [-3.0, 3.0], [3.0, 3.0]], dtype=torch.float64
    )
    T = connection.tangents(x, torch.arange(1, 8)[None].expand(8, -1), 1)
    assert T[0, 0].abs().tolist() == pytest.approx([1.0, 0.0])
    wide = torch.cat([x, torch.zeros(8, 30, dtype=torch.float64)], 1)  # more numbers than neighbours: by the other route
    assert torch.allclose(connection.tangents(wide, torch.arange(1, 8)[None].expand(8, -1), 1)[:, :, :2].abs(), T.abs())


def test_gradients_of_a_linear_function_are_its_slope():
    rng = np.random.default_rng(0)
    x = torch.as_tensor(rng.normal(size=(40, 3)))
    w = torch.as_tensor(rng.normal(size=(3, 2)))
    _, near = neighbours.nearest(x, 8)
    T = torch.linalg.qr(torch.as_tensor(rng.normal(size=(40, 3, 3)))).Q
    assert torch.allclose(connection.gradients(x @ w + 5.0, x, near, T), T @ w)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_the_basis_is_orthonormal_symmetric_and_without_trace(k):
    basis = connection.symmetric_basis(k)
    assert len(basis) == k * (k + 1) // 2 - 1
    assert torch.allclose(torch.einsum("aij,bij->ab", basis, basis), torch.eye(len(basis), dtype=torch.float64))
    assert torch.equal(basis, basis.mT) and torch.allclose(
        basis.diagonal(dim1=1, dim2=2).sum(1), torch.zeros(len(basis)).double(), atol=1e-12
    )


def test_what_is_carried_is_turned_from_one_basis_to_the_other():
    """In the plane nothing turns: a field that is the same matrix everywhere is carried unchanged, whatever basis each item has."""
    rng = np.random.default_rng(1)
    x = torch.as_tensor(rng.normal(size=(30, 2)))
    _, near = neighbours.nearest(x, 5)
    edges = connection.Edges.of(near, x)
    T = torch.linalg.qr(torch.as_tensor(rng.normal(size=(30, 2, 2)))).Q
    carry = connection.transports(T, edges)
    assert torch.allclose(carry, T[edges.i] @ T[edges.j].mT)
    W, basis = connection.transport_matrix(carry, edges), connection.symmetric_basis(2)
    A = torch.tensor([[1.0, 0.7], [0.7, -1.0]], dtype=torch.float64)
    field = torch.einsum("nij,sij->ns", T @ A @ T.mT, basis)
    change = edges.degrees[:, None] * field - torch.as_tensor(W @ field.flatten().numpy()).view(-1, 2)
    assert change.abs().max() < 1e-6  # the blocks are in single precision
    assert abs(W - W.T).max() < 1e-6
    other = edges.degrees[:, None] - torch.as_tensor(W @ np.ones(60)).view(-1, 2)
    assert other.abs().max() > 0.1  # the same numbers in different bases are no such field


def test_a_ring_has_the_eigenvalues_of_the_books():
    """2 - 2 cos(2 pi j / n), each twice but the first."""
    x, near = ring(50)
    edges = connection.Edges.of(near, x)
    values, vectors = connection.smallest(edges.adjacency, edges.degrees.numpy(), 3)
    assert values.tolist() == pytest.approx([0.0, *[2 - 2 * math.cos(2 * math.pi / 50)] * 2], abs=1e-12)
    assert np.allclose(vectors.T @ vectors, np.eye(3))


def test_lanczos_finds_what_the_dense_solver_finds(monkeypatch):
    items = sampled("doughnut", 300)
    _, near = neighbours.nearest(items.x, 6)
    edges = connection.Edges.of(near, items.x)
    dense, vectors = connection.smallest(edges.adjacency, edges.degrees.numpy(), 4)
    monkeypatch.setattr(connection, "DENSE", 0)
    values, found = connection.smallest(edges.adjacency, edges.degrees.numpy(), 4)
    # Lanczos ends at a residual of 1e-5 of the whole spectrum; the error of a value goes with its square over the gap
    assert values.tolist() == pytest.approx(dense.tolist(), abs=1e-5)
    assert np.abs((found * vectors).sum(0)).min() > 1 - 1e-4


@pytest.mark.parametrize("size", [30, 300])
def test_below_the_gap_an_eigenvalue_is_found_as_often_as_it_is_there(size):
    """Three graphs of `size` items beside each other: 0 three times, then a gap. A single Lanczos run would meet 0 once."""
    block = np.ones((size, size)) - np.eye(size)
    adjacency, degrees = sp.block_diag([block] * 3).tocsr(), np.full(3 * size, size - 1.0)
    values, vectors = connection.below_the_gap(adjacency, degrees, 6, 0.3)
    assert values.tolist() == pytest.approx([0.0, 0.0, 0.0, size], abs=1e-2)
    assert vectors.shape == (3 * size, 3)
    within = vectors.reshape(3, size, 3)
    assert np.abs(within - within.mean(1, keepdims=True)).max() < 1e-2  # constant on each


def test_without_a_gap_nothing_is_below_it():
    items = sampled("S2", 500)
    _, near = neighbours.nearest(items.x, 10)
    edges, T = connection.Edges.of(near[:, :4], items.x), connection.tangents(items.x, near, 2)
    W = connection.transport_matrix(connection.transports(T, edges), edges)
    values, vectors = connection.below_the_gap(W, np.repeat(edges.degrees.numpy(), 2), 3, 0.3)
    assert len(values) == 3 and values.min() > 0 and vectors.shape[1] == 0


@pytest.mark.parametrize("size", [40, 900])
@pytest.mark.parametrize(("low", "found"), [((0.158, 0.254, 0.442), 2), ((0.158, 0.254, 0.30), 1), ((0.0, 0.0, 0.3), 2)])
def test_a_gap_is_passed_over_when_the_next_is_wider(low, found, size):
    """The first is S2 x S2 x SO3 with 16,000 items: both gaps are of .3 and more, and the second is where its three factors end."""
    values = np.concatenate([low, low[-1] + 1e-3 * np.arange(1, 6), np.linspace(1.0, 2.0, size - 8)])
    told, vectors = connection.below_the_gap(sp.diags(3.0 - values).tocsr(), np.full(size, 3.0), 6, 0.3)
    assert vectors.shape == (size, found)
    assert told == pytest.approx(values[: found + 1], abs=1e-2)
    assert np.abs(vectors[:found]).max(1) == pytest.approx(np.ones(found), abs=0.3)
