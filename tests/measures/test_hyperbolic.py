import math

import pytest
import torch

from allegory.measures import hyperbolic as h


def points(n, z=3, seed=0, most=0.95):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, z, generator=g, dtype=torch.float64)
    return x / x.norm(dim=1, keepdim=True) * most * torch.rand(n, 1, generator=g, dtype=torch.float64)


def lifted(x):
    """The same points on the hyperboloid of Lorentz, time first."""
    gap = 1 - x.square().sum(1, keepdim=True)
    return torch.cat([(2 - gap) / gap, 2 * x / gap], 1)


def test_distances_by_hand():
    x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.5, 0.0]])
    assert h.distance(x, y).item() == pytest.approx(math.log(3))  # 2 artanh(1/2)
    assert h.distance(-y, y).item() == pytest.approx(2 * math.log(3))  # the origin lies on the way
    assert h.distance(y, y).item() == 0.0


def test_distances_are_those_of_lorentz():
    x, y = points(50), points(50, seed=1)
    a, b = lifted(x), lifted(y)
    inner = (a[:, 1:] * b[:, 1:]).sum(1) - a[:, 0] * b[:, 0]
    torch.testing.assert_close(h.distance(x, y), torch.arccosh(-inner), rtol=1e-9, atol=1e-9)


def test_small_distances_keep_their_digits():
    x = torch.tensor([[0.3, 0.4]])  # lambda = 2 / (1 - .25)
    assert h.distance(x, x + torch.tensor([[1e-5, 0.0]])).item() == pytest.approx(1e-5 * 8 / 3, rel=2e-2)  # 1e-5 itself is rounded to 1 %


def test_the_gradient_is_that_of_finite_differences_and_0_at_the_point_itself():
    x, y = points(6).requires_grad_(), points(6, seed=1)
    assert torch.autograd.gradcheck(lambda x: h.distance(x, y), x)
    (at,) = torch.autograd.grad(h.distance(x, x.detach()).sum(), x)
    assert at.abs().max() == 0


def test_the_riemannian_gradient_of_a_distance_has_length_1():
    x, y = points(20).requires_grad_(), points(20, seed=1)
    (gradient,) = torch.autograd.grad(h.distance(x, y).sum(), x)
    step = h.riemannian(x.detach(), gradient)
    torch.testing.assert_close(2 / h.gap(x.detach())[:, 0] * step.norm(dim=1), torch.ones(20, dtype=torch.float64))


def test_the_exponential_map_goes_as_far_as_the_vector_is_long_and_on_straight():
    x, v = points(20), 0.2 * points(20, seed=2)
    y = h.exponential(x, v)
    length = 2 / h.gap(x)[:, 0] * v.norm(dim=1)
    torch.testing.assert_close(h.distance(x, y), length)
    torch.testing.assert_close(h.distance(h.exponential(x, v / 2), y), length / 2)  # half way lies on the way
    torch.testing.assert_close(h.exponential(x, 0 * v), x)
    by_hand = h.exponential(torch.zeros(1, 2), torch.tensor([[math.log(3) / 2, 0.0]]))  # tanh(|v|), lambda is 2 at the origin
    torch.testing.assert_close(by_hand, torch.tensor([[0.5, 0.0]]))


def test_a_step_along_minus_the_gradient_brings_points_together():
    x, y = points(20).requires_grad_(), points(20, seed=1)
    (gradient,) = torch.autograd.grad(h.distance(x, y).sum(), x)
    moved = h.exponential(x.detach(), -0.01 * h.riemannian(x.detach(), gradient))
    torch.testing.assert_close(h.distance(x.detach(), y) - h.distance(moved, y), torch.full((20,), 0.01, dtype=torch.float64))


def test_nothing_leaves_the_ball():
    far = h.inside(h.exponential(points(20, most=0.99999), 1e6 * points(20, seed=3)))
    assert far.isfinite().all() and (far.norm(dim=1) <= h.RIM + 1e-12).all()
    torch.testing.assert_close(h.inside(torch.tensor([[0.6, 0.8], [0.3, 0.0]])), torch.tensor([[0.6 * h.RIM, 0.8 * h.RIM], [0.3, 0.0]]))


def test_ways_are_arcs_at_right_angles_to_the_rim():
    x, y = points(30, 2), points(30, 2, seed=1)
    c, r = h.circle(x, y)
    torch.testing.assert_close(c.square().sum(1), 1 + r.square())
    toward = h.mobius_sum(-x, y)
    norm = toward.norm(dim=1, keepdim=True)
    half = h.mobius_sum(x, torch.tanh(torch.atanh(norm) / 2) * toward / norm)
    for p in (x, y, half):
        torch.testing.assert_close((p - c).norm(dim=1), r, rtol=1e-6, atol=1e-6)
    assert h.circle(torch.tensor([[0.1, 0.1]]), torch.tensor([[-0.2, -0.2]]))[1].isinf().all()
