"""Densities that are known in closed form, what is learned of moons, and what levels cost."""

import math

import pytest
import torch
from helpers import planes
from helpers.moments import batch, linear, moment
from helpers.observations import Observations

from allegory import views
from allegory.core import Array
from allegory.core.fence import fenced
from allegory.methods.density.real_nvp import RealNVP
from allegory.objectives import dequantised

W, S = -1.5, 0.4  # z0 = (x0 - .5) / 2, z1 = (x1 + 1) / .5 exp(S) + W z0


def net_of(method, spec):
    with fenced(0):
        return method.build(spec, 10).double()


def gaussian():
    """A flow of two numbers with one coupling set by hand, and the Gaussian that it is."""
    method = RealNVP(couplings=1)
    net = net_of(method, Array((2,)))
    coupling, _ = net.couplings.layers[1].layers
    coupling.kept.copy_(torch.tensor([True, False]))
    coupling.net = linear([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [W, 0.0]], [0.0, math.atanh(S / 1.25), 0.0, 0.0])
    with torch.no_grad():
        coupling.curve.gain.fill_(1.25)
        net.scale.shift.copy_(torch.tensor([0.5, -1.0]))
        net.scale.log_scale.copy_(torch.tensor([2.0, 0.5], dtype=torch.float64).log())
    a = torch.tensor([[1.0, 0.0], [W, math.exp(S)]], dtype=torch.float64) @ torch.diag(torch.tensor([0.5, 2.0]).double())
    mean = torch.tensor([0.5, -1.0]).double()
    return method, net, torch.distributions.MultivariateNormal(mean, precision_matrix=a.T @ a)


def test_a_gaussian_in_closed_form():
    method, net, normal = gaussian()
    x = torch.tensor([[0.3, -2.0], [1.7, 0.4], [-4.0, 3.0]]).double()
    density = method.log_density(net, x, moment(3).dice)
    assert (density.kind, density.levels) == ("exact", None)
    torch.testing.assert_close(density.values, normal.log_prob(x), rtol=0.0, atol=1e-6)
    (player,) = method.players(net)
    loss = player.loss(batch(x), moment(3))
    assert loss.total.item() == pytest.approx(-normal.log_prob(x).mean().item(), abs=1e-6)
    assert loss.terms["volume"].item() == pytest.approx(S, abs=1e-6)  # the scales multiply to 1
    torch.testing.assert_close(method.decode(net, method.encode(net, x)), x, rtol=0.0, atol=1e-12)


def test_samples_have_the_covariance_of_the_gaussian():
    method, net, normal = gaussian()
    x = method.sample(net, 20_000, moment(1).dice)
    torch.testing.assert_close(x.mean(0), normal.mean, rtol=0.0, atol=0.12)  # five standard errors
    torch.testing.assert_close(torch.cov(x.T), normal.covariance_matrix, rtol=0.05, atol=0.05)


def test_what_is_shown_is_modelled():
    method, net, normal = gaussian()
    x = torch.zeros(3, 2).double()
    (player,) = method.players(net)
    shown = torch.tensor([[0.3, -2.0], [1.7, 0.4], [-4.0, 3.0]]).double()
    assert player.loss(batch(x, shown), moment(3)).total.item() == pytest.approx(-normal.log_prob(shown).mean().item(), abs=1e-6)


def test_moons_are_learned():
    """The mass is 1 whatever was learned; a Jacobian of the wrong sign misses both by far."""
    fitted, x, held_out = planes.learned(RealNVP(couplings=6), "moons", 250)
    assert planes.mass(fitted) == pytest.approx(1.0, abs=0.01)
    assert planes.log_density(fitted, held_out).mean().item() > planes.gaussian(x, held_out) + 0.3  # .41 when this was written
    z = fitted.method.encode(fitted.net, held_out).detach()
    torch.testing.assert_close(z.std(0), torch.ones(2), rtol=0.0, atol=0.15)


def images(n=64):
    drawn = torch.randint(0, 3, (n, 1, 8, 8), generator=torch.Generator().manual_seed(0)).double()
    return drawn.minimum(torch.arange(8.0).double()) - 1.0  # 3 levels; the first column is always the lowest


def test_learning_begins_where_every_pixel_is_standardised():
    method, x = RealNVP(couplings=1, width=4), images()
    net, again = (net_of(method, Array((1, 8, 8), levels=3)) for _ in range(2))
    for each in (net, again):
        method.prepare(each, Observations(x, levels=3), moment(0).dice)
    assert torch.equal(net.scale.shift, again.scale.shift)
    z = net(net.moved(x, moment(0).dice.rows(64)))[0].detach()
    torch.testing.assert_close(z.mean(0), torch.zeros(64).double(), rtol=0.0, atol=1e-6)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(64).double(), rtol=0.0, atol=1e-6)


def test_levels_are_learned_within_their_cells():
    method, x, now = RealNVP(couplings=1, width=4), images(), moment(64)
    net = net_of(method, Array((1, 8, 8), levels=3))
    (player,) = method.players(net)
    moved = dequantised(x, 3, now.dice)
    expected = -method.log_density(net, moved, now.dice).values.mean()
    assert player.loss(batch(x), now).total.item() == pytest.approx(expected.item(), abs=1e-9)
    grey = net_of(method, Array((1, 8, 8)))
    (other,) = method.players(grey)
    assert other.loss(batch(x), now).total.item() == pytest.approx(-method.log_density(grey, x, now.dice).values.mean().item(), abs=1e-9)


def test_the_loss_bounds_the_probability_of_levels():
    """One pixel of 3 levels: the density summed over the cell of a level is P(level); E log p(x + u) + log(step) stays below its log."""
    method = RealNVP(couplings=1, width=4)
    net = net_of(method, Array((1, 1, 1), levels=3))
    with torch.no_grad():
        net.scale.shift.fill_(0.7)
        net.scale.log_scale.fill_(-0.3)
    total = 0.0
    for level in (-1.0, 0.0, 1.0):
        cell = level + (torch.arange(4000).double() + 0.5) / 4000 - 0.5
        log_p = method.log_density(net, cell.view(-1, 1, 1, 1), moment(len(cell)).dice).values
        probability = log_p.exp().mean().item()  # times the step, which is 1
        assert log_p.mean().item() < math.log(probability)
        (player,) = method.players(net)
        x = torch.full((20_000, 1, 1, 1), level).double()
        assert -player.loss(batch(x), moment(20_000)).total.item() == pytest.approx(log_p.mean().item(), abs=0.02)
        total += probability
    outside = 1.0 - total  # between alpha and 1 - alpha of the logistic's range
    z = (torch.logit(torch.tensor([0.05, 0.95]).double()) - 0.7) * math.exp(0.3)
    assert outside == pytest.approx((1.0 - torch.special.ndtr(z).diff()).item(), abs=1e-5)


def test_samples_of_images_are_levels():
    method, x = RealNVP(couplings=1, width=4), images()
    net = net_of(method, Array((1, 8, 8), levels=3))
    method.prepare(net, Observations(x, levels=3), moment(0).dice)
    drawn = method.sample(net, 500, moment(1).dice)
    assert set(drawn.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert (drawn[..., 0] == -1.0).double().mean() > 0.9  # as it always is
    z = method.encode(net, x)
    assert z.shape == (64, 64)
    torch.testing.assert_close(method.decode(net, z), x, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize(("n", "std"), [(100, 0.3), (1600, 0.1)])
def test_vectors_are_learned_with_noise_and_images_are_not(n, std):
    assert RealNVP().resolved(Array((2,)), range(n)).views == views.Noise(std)
    assert RealNVP().resolved(Array((1, 8, 8), levels=3), range(n)).views is None
    assert RealNVP(views=views.Noise(0.01)).resolved(Array((2,)), range(n)).views == views.Noise(0.01)
