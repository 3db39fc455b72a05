"""Total correlation where it is known, the right class, and a shuffle that keeps marginals and breaks pairs."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array, Dice
from allegory.methods.latent.factor_vae import FactorVAE, shuffled_latents

RHO = 0.8


class TrueRatio(nn.Module):
    """The best critic of two unit Gaussians with correlation RHO: logits log q(z) and log q(z_1) q(z_2)."""

    def forward(self, z):
        a, b = z[:, 0], z[:, 1]
        joint = -((a * a - 2 * RHO * a * b + b * b) / (2 * (1 - RHO**2))) - 0.5 * math.log(1 - RHO**2)
        return torch.stack([joint, -(a * a + b * b) / 2], 1)


def net_of(method):
    """Codes that are x itself, almost without noise."""
    net = method.build(Array((2,)), 4).double()
    net.body, net.decoder, net.critic = nn.Identity(), linear([[0.0, 0.0]] * 2), TrueRatio()
    net.posterior = linear([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]], [0.0, 0.0, -20.0, -20.0])
    return net


def correlated(n):
    eps = Dice.roll(0, 0, torch.arange(n)).normal("x", 2).double()
    return torch.stack([eps[:, 0], RHO * eps[:, 0] + math.sqrt(1 - RHO**2) * eps[:, 1]], 1)


def test_the_total_correlation_is_the_true_one():
    """-log(1 - rho^2) / 2 = .511 nats for two Gaussians; a swapped class would give its negative."""
    method, x = FactorVAE(latent=2, likelihood="gaussian", gamma=0.0), correlated(40_000)
    net = net_of(method)
    without = method.players(net)[0].loss(batch(x), moment(len(x)))
    with_it = FactorVAE(latent=2, likelihood="gaussian", gamma=10.0).players(net)[0].loss(batch(x), moment(len(x)))
    tc = (with_it.total - without.total).item() / 10.0
    assert tc == pytest.approx(-0.5 * math.log(1 - RHO**2), abs=0.03)  # five standard errors of 40,000 draws
    assert without.total.item() == pytest.approx(-without.terms["elbo"].item(), abs=1e-9)


def test_the_critics_loss_by_hand():
    """Logits that are the code itself. First half of the batch: class 0; second half, shuffled: class 1."""
    method = FactorVAE(latent=2, likelihood="gaussian")
    net = net_of(method)
    net.critic = linear([[1.0, 0.0], [0.0, 1.0]])
    x = torch.tensor([[2.0, 0.0], [1.0, -1.0], [0.0, 1.0], [0.0, 3.0]]).double()
    critic = method.players(net)[1]
    loss = critic.loss(batch(x), moment(4))
    log1p = lambda d: math.log(1 + math.exp(-d))
    of_joint = (log1p(2.0) + log1p(2.0)) / 2  # both codes favour class 0 by 2
    of_product = (log1p(1.0) + log1p(3.0)) / 2  # first latents are both 0, so any shuffle gives differences 1 and 3 for class 1
    assert loss.total.item() == pytest.approx((of_joint + of_product) / 2, abs=1e-3)  # the posterior's noise is e^-10
    assert loss.terms["tc"].item() == pytest.approx(2.0, abs=1e-3)


def test_the_critics_loss_moves_no_encoder():
    method = FactorVAE(latent=2, likelihood="gaussian")
    net = method.build(Array((2,)), 4)
    vae, critic = method.players(net)
    loss = critic.loss(batch(torch.randn(8, 2, generator=torch.Generator().manual_seed(0))), moment(8)).total
    assert all(g is None for g in torch.autograd.grad(loss, [p for _, p in vae.parameters], allow_unused=True, retain_graph=True))
    assert all(g is not None for g in torch.autograd.grad(loss, [p for _, p in critic.parameters], allow_unused=True))


def test_the_shuffle_keeps_marginals_and_breaks_pairs():
    z = correlated(2_000)
    shuffled = shuffled_latents(z, Dice.roll(0, 0, torch.arange(2_000)).uniform("shuffle", 2))
    torch.testing.assert_close(shuffled.sort(0).values, z.sort(0).values)
    assert abs(torch.corrcoef(shuffled.T)[0, 1].item()) < 0.1  # 4.5 standard errors of 2,000 pairs
    assert torch.corrcoef(z.T)[0, 1].item() > 0.75
    assert (shuffled != z).all(1).float().mean() > 0.99, "every latent is permuted, not one of them"
