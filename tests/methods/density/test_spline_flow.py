"""Densities that are known in closed form, and what is learned of moons and rings."""

import pytest
import torch
from helpers import planes
from helpers.moments import batch, moment

from allegory.core import Array
from allegory.core.fence import fenced
from allegory.methods.density.spline_flow import SplineFlow


def net_of(method, spec):
    with fenced(0):
        return method.build(spec, 10).double()


def test_one_number_has_the_distribution_function_of_its_spline():
    """The mass of [a, b] is Phi(f(b)) - Phi(f(a)), with two splines one of which bends, and within and without their reach."""
    method = SplineFlow(couplings=2, bins=3, reach=2.0)
    net = net_of(method, Array((1,)))
    bent = net.couplings.layers[1].layers[4]  # mixing, coupling and scale, twice; the first coupling keeps the only number
    with torch.no_grad():
        bent.net[-1].bias.copy_(torch.tensor([0.5, -1.0, 0.2, -0.7, 0.9, 0.1, 1.5, -1.0]))
        net.scale.shift.fill_(0.3)
        net.scale.log_scale.fill_(0.2)
    for a, b in ((-1.9, 0.4), (0.1, 5.0), (-6.0, 6.0)):
        apart = (b - a) / 20_000
        x = (a + apart * (torch.arange(20_000).double() + 0.5))[:, None]
        mass = method.log_density(net, x, moment(len(x)).dice).values.exp().sum().item() * apart
        expected = torch.special.ndtr(method.encode(net, torch.tensor([[a], [b]]).double())).diff(dim=0).item()
        assert mass == pytest.approx(expected, abs=1e-6)
    z = method.encode(net, torch.tensor([[0.0], [1.0]]).double())
    assert (z - torch.tensor([[-0.3], [0.7]]).double() * 0.8187).abs().max() > 0.05  # it does bend


def test_a_gaussian_in_closed_form():
    """Splines of raw numbers 0 do nothing: what is left is z = W x, of covariance (W^T W)^-1."""
    method = SplineFlow(couplings=1)
    net = net_of(method, Array((3,)))
    mixing = net.couplings.layers[1].layers[0]
    with torch.no_grad():
        mixing.order.copy_(torch.tensor([2, 0, 1]))
        mixing.lower.copy_(torch.tensor([[9.0, 9.0, 9.0], [0.5, 9.0, 9.0], [-1.0, 0.25, 9.0]]))  # 9: what is not read
        mixing.upper.copy_(torch.tensor([[9.0, -0.5, 1.0], [9.0, 9.0, 0.75], [9.0, 9.0, 9.0]]))
        mixing.log_scale.copy_(torch.tensor([0.5, -0.25, 0.1]))
    lower = torch.tensor([[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [-1.0, 0.25, 1.0]]).double()
    upper = torch.diag(mixing.log_scale.detach().exp()) + torch.tensor([[0.0, -0.5, 1.0], [0.0, 0.0, 0.75], [0.0, 0.0, 0.0]]).double()
    w = (lower @ upper)[[2, 0, 1]]
    normal = torch.distributions.MultivariateNormal(torch.zeros(3).double(), precision_matrix=w.T @ w)
    x = torch.tensor([[0.3, -0.2, 0.5], [4.0, 1.0, -7.0]]).double()
    torch.testing.assert_close(method.log_density(net, x, moment(len(x)).dice).values, normal.log_prob(x), rtol=0.0, atol=1e-9)
    (player,) = method.players(net)
    loss = player.loss(batch(x), moment(2))
    assert loss.total.item() == pytest.approx(-normal.log_prob(x).mean().item(), abs=1e-9)
    assert loss.terms["volume"].item() == pytest.approx(0.35, abs=1e-6)


@pytest.mark.parametrize(("name", "margin"), [("moons", 0.4), ("rings", 0.4)])
def test_curved_densities_are_learned(name, margin):
    """The mass is 1 whatever was learned; a Jacobian of the wrong sign misses both by far."""
    fitted, x, held_out = planes.learned(SplineFlow(couplings=6), name, 100)
    assert planes.mass(fitted) == pytest.approx(1.0, abs=0.01)
    assert planes.log_density(fitted, held_out).mean().item() > planes.gaussian(x, held_out) + margin
    again = fitted.method.decode(fitted.net, fitted.method.encode(fitted.net, held_out))
    torch.testing.assert_close(again, held_out, rtol=0.0, atol=1e-4)  # float32 through six splines


def test_the_knots_are_those_of_the_method():
    method = SplineFlow(couplings=2, bins=5, reach=1.5)
    curves = [m for m in net_of(method, Array((1, 8, 8), levels=3)).modules() if type(m).__name__ == "Spline"]
    assert {(c.bins, c.bound) for c in curves} == {(5, 1.5)}
