"""GEOMANCER: the factors of products whose truth is known, the published error as a bound, codes of one factor each, and awkward data."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.observations import Observations

from allegory.core import Dice, Problem
from allegory.data.manifolds import sampled
from allegory.measures import connection, neighbours
from allegory.measures.content import order
from allegory.measures.subspaces import angular_error
from allegory.methods.spectral.geomancer import Geomancer


def fitted(x, **said):
    method, items = Geomancer(**said), Observations(x)
    net = method.build(items.spec, len(items)).double()
    method.prepare(net, items, Dice.roll(0, 0, torch.arange(0)))
    return method, net


def bases(net):
    return [net.T[:, net.factor == f] for f in range(int(net.factor.max()) + 1)]


@pytest.fixture(scope="module")
def spheres():
    """1,000 items to learn from and 300 others, of S2 x S2 turned into R^8."""
    items = sampled("S2xS2", 1300, d=8)
    own = torch.cat([order(items.x[:1000]), torch.arange(1000, 1300)])  # as it keeps them
    items = replace(items, u=items.u[own], x=items.x[own])
    return items, *fitted(items.x[:1000], dimension=4, latent=6)


def test_the_error_is_far_below_the_published_methods(spheres):
    """Its code had .384 rad at 1,000 items, and found two factors; the dimension of both is 2, the angle of noise is above 1.3."""
    items, _, net = spheres
    error = angular_error(bases(net), [t[:1000] for t in items.manifold.tangents(items.u)]).mean()
    assert net.factor.tolist() == [0, 0, 1, 1] and error < 0.2
    assert net.eigenvalues[0] < 0.1 * net.eigenvalues[1]


def test_each_number_of_the_code_changes_along_one_factor_only(spheres):
    """On items that it has not seen, a line reads the place on a sphere from the numbers of one factor, and nothing from the others."""
    items, method, net = spheres
    assert net.owner.tolist() == [0, 0, 0, 1, 1, 1]
    z = method.encode(net, items.x[1000:])
    told = np.zeros((2, 2))
    for f, (s, u) in enumerate(zip(items.manifold.shapes, items.manifold.of_factors(items.u), strict=True)):
        y = s.embed(u)
        for o in range(2):
            known, new = (torch.cat([v[:, net.owner == o], torch.ones(len(v), 1)], 1) for v in (net.phi, z))
            missed = y[1000:] - new @ torch.linalg.lstsq(known, y[:1000]).solution
            told[f, o] = 1 - missed.square().sum() / (y[1000:] - y[1000:].mean(0)).square().sum()
    assert sorted(told.flatten())[2] > 0.9 and sorted(told.flatten())[1] < 0.05
    assert (told.argmax(1)[0], told.argmax(1)[1]) in ((0, 1), (1, 0))


@pytest.mark.parametrize(
    ("name", "n", "factor"), [("S2xS1", 600, [0, 1, 1]), ("S2", 500, [0, 0]), ("S3", 800, [0, 0, 0]), ("SO3", 900, [0] * 3)]
)
def test_the_number_of_factors_and_their_dimensions(name, n, factor):
    """A circle and a sphere are two; a sphere, or the rotations, are one and are not cut in pieces."""
    items = sampled(name, n)
    _, net = fitted(items.x, dimension=len(factor))
    assert net.factor.tolist() == factor


def test_a_training_item_has_its_own_code_and_a_new_one_lies_between(spheres):
    items, method, net = spheres
    assert torch.allclose(method.encode(net, items.x[:50]), net.phi[:50], atol=1e-9)
    near = items.x[:50] + 1e-6
    assert (method.encode(net, near) - net.phi[:50]).abs().max() < 1e-3


def test_codes_say_the_subspaces_of_the_nearest_item_and_whose_they_are(spheres):
    items, method, net = spheres
    x = items.x[1000:1020]
    codes = method.codes(net, x)
    nearest = torch.cdist(x, items.x[:1000]).argmin(1)
    assert torch.equal(codes["tangents"].values, net.T[nearest]) and codes["factor"].values.shape == (20, 4)
    offset = x - items.x[nearest]
    assert torch.allclose(codes["chart"].values[:, 0], (net.T[nearest, 0] * offset).sum(1))
    assert codes["owner"].values[0].tolist() == [0, 0, 0, 1, 1, 1]
    assert list(method.codes(net, x, ("chart",))) == ["chart"]


def test_the_smallest_eigenvalue_is_the_least_change_by_hand():
    """Six items of the plane on a ring: fields of the plane are carried unchanged, so both eigenvalues are 0."""
    angle = 2 * np.pi * np.arange(6) / 6
    x = torch.as_tensor(np.stack([np.cos(angle), np.sin(angle)], 1))
    _, near = neighbours.nearest(x, 5)
    edges, T = connection.Edges.of(near, x), connection.tangents(x, near, 2)
    W = connection.transport_matrix(connection.transports(T, edges), edges).toarray()
    values = np.linalg.eigvalsh(np.diag(np.repeat(edges.degrees.numpy(), 2)) - W)
    assert values[:2].tolist() == pytest.approx([0, 0], abs=1e-6) and values[2:].tolist() == pytest.approx([6.0] * 10)


def test_the_order_of_items_does_not_matter():
    items = sampled("S2xS1", 450)
    turn = torch.as_tensor(np.random.default_rng(0).permutation(450))
    _, net = fitted(items.x, dimension=3)
    _, other = fitted(items.x[turn], dimension=3)
    assert all(torch.equal(*both) for both in zip(bases(net), bases(other), strict=True))


def test_twice_the_same_and_copies_change_nothing():
    items = sampled("S2xS1", 300)
    _, net = fitted(items.x, dimension=3)
    _, again = fitted(items.x, dimension=3)
    _, doubled = fitted(torch.cat([items.x, items.x[:100]]), dimension=3)
    assert torch.equal(net.phi, again.phi) and torch.equal(net.T, again.T)
    assert int(doubled.count) == 300 and torch.equal(doubled.phi[:300], net.phi)


def test_few_items_and_features_that_are_constant():
    rng = np.random.default_rng(0)
    wide = torch.as_tensor(rng.normal(size=(8, 50)))
    method, net = fitted(wide, dimension=30, latent=20)
    assert net.T.shape == (8, 7, 50) and method.encode(net, wide).isfinite().all()
    flat = torch.cat([torch.as_tensor(rng.normal(size=(40, 1))), torch.zeros(40, 3)], 1)
    method, net = fitted(flat, dimension=2, latent=2)
    assert method.encode(net, flat).isfinite().all() and method.encode(net, flat + 9.0).isfinite().all()
    with pytest.raises(Problem, match="different items are too few"):
        fitted(torch.ones(20, 3), dimension=2)
    with pytest.raises(Problem, match="dimension of at least 1"):
        fitted(flat, dimension=0)
