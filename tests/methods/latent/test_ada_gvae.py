"""What a pair shares, by hand; and that pairs put factors on axes where a VAE does not."""

import math

import pytest
import torch
from helpers.moments import linear, moment
from torch import nn

from allegory.core import Array, Batch
from allegory.methods.latent.ada_gvae import AdaGVAE
from allegory.objectives import gaussian_kl_to


def posterior(mu, var):
    return torch.tensor([mu], dtype=torch.float64), torch.tensor([var], dtype=torch.float64).log()


def test_the_middle_of_the_range_parts_shared_from_own():
    """delta = (0, 2, 8) for means 0, 2 and 4 apart at variance 1: tau = 4, so the first two are shared."""
    method = AdaGVAE(latent=3)
    first, second = posterior([0.0, 0.0, 0.0], [1.0] * 3), posterior([0.0, 2.0, 4.0], [1.0] * 3)
    assert gaussian_kl_to(*first, *second)[0].tolist() == pytest.approx([0.0, 2.0, 8.0])
    assert method.shared(first, second)[0].tolist() == [True, True, False]


def test_the_divergence_goes_from_the_first_to_the_second():
    """N(0, 1) to N(0, 9): (1/9 - 1 + log 9) / 2 = .654; back it is (9 - 1 - log 9) / 2 = 2.90, and the other latent is 2 either way."""
    first, second = posterior([0.0, 0.0], [1.0, 1.0]), posterior([0.0, 2.0], [9.0, 1.0])
    assert AdaGVAE().shared(first, second)[0].tolist() == [True, False]
    assert AdaGVAE().shared(second, first)[0].tolist() == [False, True]


def test_the_loss_by_hand():
    """Two latents; x1 = (0, 0), x2 = (0, 4) and mu = x, sigma^2 = 1, a decoder that says 0. The first latent is shared, the second not:
    rates 0 and 8, distortions (0 + 2 log 2 pi) / 2 and (16 + 2 log 2 pi) / 2."""
    method = AdaGVAE(latent=2, likelihood="gaussian", beta=3.0)
    net = method.build(Array((2,)), 4).double()
    net.body, net.decoder = nn.Identity(), linear([[0.0, 0.0], [0.0, 0.0]])
    net.posterior = linear([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    x, partner = torch.zeros(1, 2).double(), torch.tensor([[0.0, 4.0]]).double()
    (player,) = method.players(net)
    loss = player.loss(Batch(x, x, torch.arange(1), None, partner), moment(1))
    assert loss.terms["shared"].item() == 0.5
    assert loss.terms["rate"].item() == pytest.approx(4.0) and loss.terms["distortion"].item() == pytest.approx(4 + math.log(2 * math.pi))
    assert loss.total.item() == pytest.approx(4 + math.log(2 * math.pi) + 3 * 4.0, abs=1e-9)


def test_a_shared_latent_has_the_average_posterior():
    """Means 1 and 3, variances 1 and 3 on a latent that differs less than the other: mean 2, variance 2 for both items."""
    method = AdaGVAE(latent=2, likelihood="gaussian")
    net = method.build(Array((2,)), 4).double()
    net.body, net.decoder = nn.Identity(), linear([[0.0, 0.0], [0.0, 0.0]])
    # x = (a, b): mu = (a, b), log variance = (log(a), 0)
    net.posterior = linear([[1.0, 0.0], [0.0, 1.0], [math.log(3.0) / 2, 0.0], [0.0, 0.0]], [0.0, 0.0, -math.log(3.0) / 2, 0.0])
    x, partner = torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[3.0, 9.0]]).double()
    (player,) = method.players(net)
    loss = player.loss(Batch(x, x, torch.arange(1), None, partner), moment(1))
    shared, own = 0.5 * (4 + 2 - math.log(2.0) - 1), 0.5 * 81
    assert loss.terms["rate"].item() == pytest.approx((2 * shared + own) / 2, abs=1e-9)
