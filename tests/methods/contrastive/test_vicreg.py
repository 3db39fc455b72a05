"""VICReg on projections whose variances and covariances are known."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment

from allegory.core import Array
from allegory.methods.contrastive.vicreg import VICReg

Z = torch.tensor([[1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)  # unbiased: variances 2, covariance 2


def loss_of(first, second, **weights):
    method = VICReg(**weights)
    net = method.build(Array((2,)), 2)
    net.body, net.head = linear([[1.0, 0.0], [0.0, 1.0]]), linear([[1.0, 0.0], [0.0, 1.0]])
    (player,) = method.players(net)
    return player.loss(batch(first, (first, second)), moment(2))


def test_the_loss_by_hand():
    """Z and Z/10: s = mean of .9^2; Z is wide enough, Z/10 has std sqrt(.02 + eps); covariances 2 and .02, each twice, over p = 2."""
    loss = loss_of(Z, Z / 10, lam=3.0, mu=5.0, nu=7.0)
    s, v, c = 0.81, (0.0 + 1 - (0.02 + 1e-4) ** 0.5) / 2, 2 * 4.0 / 2 + 2 * 0.0004 / 2
    assert loss.terms["invariance"].item() == pytest.approx(s, abs=1e-9)
    assert loss.terms["variance"].item() == pytest.approx(v, abs=1e-9)
    assert loss.terms["covariance"].item() == pytest.approx(c, abs=1e-9)
    assert loss.total.item() == pytest.approx(3 * s + 5 * v + 7 * c, abs=1e-9)


def test_collapse_costs_mu_and_the_way_out_is_downhill():
    """At a point only the variance term is left, mu (1 - sqrt(eps)); a little spread, and the loss falls: a flipped sign would not."""
    point = loss_of(Z * 0, Z * 0).total.item()
    assert point == pytest.approx(25 * 0.99, abs=1e-9)
    away = loss_of(Z * 0.05, Z * 0.05).total.item()
    assert away < point - 0.5
    near = torch.tensor([[0.02, 0.01], [-0.02, -0.01]], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(loss_of(near, near).total, near)
    assert (g * near).sum() < -0.1, "descent widens"


def test_the_deviation_of_the_projections_shrinks_with_their_scale_and_bears_no_gradient():
    """Projections (+-.1, 0) and (0, +-.1): each number deviates by .1 sqrt(1/2); directions, which fill the circle, do not show it."""
    z = 0.1 * torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], dtype=torch.float64)
    loss = loss_of(z, z)
    assert loss.terms["projection_deviation"].item() == pytest.approx(0.1 * math.sqrt(0.5), abs=1e-9)
    assert not loss.terms["projection_deviation"].requires_grad


def test_the_weights_of_the_paper():
    method = VICReg()
    assert (method.lam, method.mu, method.nu) == (25.0, 25.0, 1.0)


def test_the_code_is_below_the_head():
    method = VICReg()
    net = method.build(Array((2,)), 2)
    net.body, net.head = linear([[2.0, 0.0], [0.0, 2.0]]), linear([[0.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(method.encode(net, Z), 2 * Z)
