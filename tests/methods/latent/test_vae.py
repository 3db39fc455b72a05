"""The ELBO where everything is Gaussian and known."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.latent.vae import VAE
from allegory.objectives import gaussian_kl

W = 2.0  # p(z) = N(0, 1), p(x|z) = N(W z, 1), so p(x) = N(0, W^2 + 1) and p(z|x) = N(W x / (W^2 + 1), 1 / (W^2 + 1))
LOG_TAU = math.log(2 * math.pi)


def net_of(method, slope=W / (W * W + 1), variance=1 / (W * W + 1)):
    """q(z|x) = N(slope x, variance), by default the true posterior."""
    net = method.build(Array((1,)), 4).double()
    net.body, net.posterior, net.decoder = nn.Identity(), linear([[slope], [0.0]], [0.0, math.log(variance)]), linear([[W]])
    return net


def evidence(x):
    return -0.5 * (x * x / (W * W + 1) + LOG_TAU + math.log(W * W + 1))


def mean_elbo(net, method, x, draws=40_000):
    rows = torch.full((draws, 1), x, dtype=torch.float64)
    (player,) = method.players(net)
    return player.loss(batch(rows), moment(draws))


def test_the_bound_is_tight_at_the_true_posterior():
    method = VAE(latent=1, likelihood="gaussian")
    loss = mean_elbo(net_of(method), method, 1.5)
    # one draw has a standard deviation below 2 nats here, so 40,000 have .01; five of these
    assert -loss.total.item() == pytest.approx(evidence(1.5), abs=0.05)
    assert loss.terms["elbo"].item() == pytest.approx(-loss.total.item(), abs=1e-12)


def test_the_gap_is_the_divergence_to_the_true_posterior():
    """log p(x) - ELBO = KL(q || p(z|x)): with q = p(z) it is KL(N(0, 1) || N(W x / 5, 1 / 5))."""
    method = VAE(latent=1, likelihood="gaussian")
    loss = mean_elbo(net_of(method, slope=0.0, variance=1.0), method, 0.5)
    m, v = W * 0.5 / (W * W + 1), 1 / (W * W + 1)
    gap = 0.5 * (math.log(v) + (1 + m * m) / v - 1)
    assert evidence(0.5) + loss.total.item() == pytest.approx(gap, abs=0.08)
    assert loss.terms["rate"].item() == pytest.approx(0.0, abs=1e-12)


def test_distortion_and_rate_by_hand():
    """One draw, written out: z = mu + sigma eps; distortion = ((x - W z)^2 + log 2 pi) / 2; rate = (mu^2 + v - log v - 1) / 2."""
    method = VAE(latent=1, likelihood="gaussian")
    net, now, x = net_of(method, slope=0.5, variance=4.0), moment(3), torch.tensor([[1.0], [-2.0], [0.5]]).double()
    (player,) = method.players(net)
    loss = player.loss(batch(x), now)
    eps = now.dice.normal("eps", 1).double()
    distortions, rates = [], []
    for i in range(3):
        z = 0.5 * x[i, 0].item() + 2.0 * eps[i, 0].item()
        distortions.append(((x[i, 0].item() - W * z) ** 2 + LOG_TAU) / 2)
        rates.append(((0.5 * x[i, 0].item()) ** 2 + 4.0 - math.log(4.0) - 1) / 2)
    assert loss.terms["distortion"].item() == pytest.approx(sum(distortions) / 3, abs=1e-9)
    assert loss.terms["rate"].item() == pytest.approx(sum(rates) / 3, abs=1e-9)
    assert loss.total.item() == pytest.approx((sum(distortions) + sum(rates)) / 3, abs=1e-9)


def test_the_density_is_the_same_bound():
    method = VAE(latent=1, likelihood="gaussian")
    net, now, x = net_of(method, slope=0.5, variance=4.0), moment(3), torch.tensor([[1.0], [-2.0], [0.5]]).double()
    (player,) = method.players(net)
    density = method.log_density(net, x, now.dice)
    assert density.kind == "lower bound"
    assert density.values.mean().item() == pytest.approx(-player.loss(batch(x), now).total.item(), abs=1e-9)


def test_codes_and_samples():
    method = VAE(latent=1, likelihood="gaussian")
    net, x = net_of(method, slope=0.5, variance=4.0), torch.tensor([[1.0], [-2.0]]).double()
    codes = method.codes(net, x)
    torch.testing.assert_close(codes["mean"].values, 0.5 * x)
    torch.testing.assert_close(method.encode(net, x), 0.5 * x)
    torch.testing.assert_close(codes["kl"].values, gaussian_kl(0.5 * x, torch.full_like(x, math.log(4.0))))
    samples = method.sample(net, 20_000, moment(1).dice)
    assert samples.std().item() == pytest.approx(W, abs=0.05)  # the means W z of draws z from the prior; five standard errors


def test_the_variance_of_the_likelihood_follows_the_squared_error():
    """At once in the first step, then by a tenth: from (1 + 9) / 2 = 5 a step to an error of 1 gives 5 + (1 - 5) / 10 = 4.6."""
    method = VAE(latent=1, likelihood="sigma")
    net = net_of(method)
    method.after_step(net, moment(2, step=0), {"vae": torch.tensor([[1.0, 1.0], [9.0, 1.0]]).double()})
    assert net.variance.item() == pytest.approx(5.0, abs=1e-9)
    method.after_step(net, moment(2, step=1), {"vae": torch.tensor([[1.0, 1.0], [1.0, 1.0]]).double()})
    assert net.variance.item() == pytest.approx(4.6, abs=1e-9)
    fixed = VAE(latent=1, likelihood="gaussian")
    net.p = fixed.p(Array((1,)))
    fixed.after_step(net, moment(2), {"vae": torch.tensor([[1.0, 1.0], [1.0, 1.0]]).double()})
    assert net.variance.item() == pytest.approx(4.6, abs=1e-9)


def test_the_likelihood_follows_the_data():
    source = type("Source", (), {})()
    assert VAE().resolved(Array((1, 8, 8), levels=2), source).likelihood == "bernoulli"
    assert VAE().resolved(Array((1, 8, 8), levels=256), source).likelihood == "sigma"
    assert VAE(likelihood="gaussian").resolved(Array((1, 8, 8), levels=2), source).likelihood == "gaussian"


def test_the_encoder_sees_the_black_and_white_draw_that_is_told():
    """mu = x, so the rate of a grey pixel's draw is 1/2 (x = -1 or 1, sigma^2 = 1), where the pixel itself, 0, would have 0."""
    method = VAE(latent=1, likelihood="bernoulli")
    net = method.build(Array((1, 1, 1), levels=256), 4).double()
    net.body, net.posterior, net.decoder = nn.Flatten(), linear([[1.0], [0.0]]), nn.Sequential(linear([[0.0]]), nn.Unflatten(1, (1, 1, 1)))
    (player,) = method.players(net)
    loss = player.loss(batch(torch.zeros(6, 1, 1, 1).double()), moment(6))
    assert loss.terms["rate"].item() == pytest.approx(0.5) and loss.terms["distortion"].item() == pytest.approx(math.log(2))
