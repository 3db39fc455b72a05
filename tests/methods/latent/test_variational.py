"""Variational autoencoders where all is known: probabilistic PCA, four ways to write the bound, densities that integrate to one, and what
is said of missing entries."""

import math

import numpy as np
import pytest
import torch
from helpers.moments import linear, moment
from torch import nn

import allegory as al
from allegory.core import Array, Dice
from allegory.measures.densities import probabilistic_pca
from allegory.methods.latent.vae import VAE
from allegory.objectives import gaussian_kl, gaussian_log_prob, log_weights

D, Q = 5, 2


def data():
    """400 rows of 5 numbers with two strong directions."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, Q)) @ rng.normal(size=(Q, D)) + 0.5 * rng.normal(size=(400, D))
    return torch.as_tensor(x - x.mean(0))


def at_the_optimum(x, variance_of_q=1.0):
    """The linear VAE of maximum likelihood: W = U (L - s^2)^(1/2), q(z|x) = N(M^-1 W'x, s^2 M^-1) with M = W'W + s^2, which is diagonal
    (Tipping and Bishop 1999, equations 7 and 8). `variance_of_q` makes the posterior wider or narrower than it should be."""
    _, size, axes = torch.linalg.svd(x, full_matrices=False)
    spectrum = size.square() / len(x)
    noise = spectrum[Q:].mean()
    W = axes[:Q].T * (spectrum[:Q] - noise).sqrt()
    M = spectrum[:Q]  # W'W + s^2
    method = VAE(latent=Q, likelihood="sigma")
    net = method.build(Array((D,)), 4).double()
    net.variance.fill_(noise)
    net.body, net.decoder = nn.Identity(), linear(W.tolist())
    mean = (W / M).T
    net.posterior = linear([*mean.tolist(), *[[0.0] * D] * Q], [*[0.0] * Q, *(variance_of_q * noise / M).log().tolist()])
    return method, net


def expected(f, mu, log_var, nodes=4):
    """E_q f(z) by Gauss and Hermite's points in both latents: exact for polynomials of degree 7, as all terms here are quadratic."""
    at, weight = np.polynomial.hermite_e.hermegauss(nodes)
    weight = weight / weight.sum()
    total = 0.0
    for i in range(nodes):
        for j in range(nodes):
            z = mu + torch.exp(0.5 * log_var) * torch.tensor([at[i], at[j]])
            total = total + weight[i] * weight[j] * f(z)
    return total


def test_the_bound_at_the_optimum_is_the_evidence():
    x = data()
    _, net = at_the_optimum(x)
    q = net.q(x)
    elbo = expected(lambda z: net.log_likelihood(x, z), *q) - gaussian_kl(*q).sum(1)
    torch.testing.assert_close(elbo, probabilistic_pca(x, x, Q), rtol=0, atol=1e-8)


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_four_forms_of_the_bound_agree(factor):
    """With the true posterior, and with one of three times its variance, whose divergence to it is (3 - 1 - log 3) / 2 nats a latent."""
    x = data()
    _, net = at_the_optimum(x, factor)
    mu, log_var = net.q(x)

    def log_joint(z):
        return net.log_likelihood(x, z) + gaussian_log_prob(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)

    entropy = (0.5 * (log_var + math.log(2 * math.pi) + 1)).sum(1)
    gap = Q * (factor - 1 - math.log(factor)) / 2
    forms = {
        "distortion and rate": expected(lambda z: net.log_likelihood(x, z), mu, log_var) - gaussian_kl(mu, log_var).sum(1),
        "weights": expected(lambda z: log_weights(net.log_likelihood(x, z), z, mu, log_var), mu, log_var),
        "energy and entropy": expected(log_joint, mu, log_var) + entropy,
        "evidence and divergence": probabilistic_pca(x, x, Q) - gap,
    }
    for value in forms.values():
        torch.testing.assert_close(value, forms["distortion and rate"], rtol=0, atol=1e-8)


def test_importance_samples_close_the_gap():
    """With three times the posterior's variance the bound misses .9014 nats; 1,000 samples leave hardly any."""
    x = data()
    method, net = at_the_optimum(x, 3.0)
    exact = probabilistic_pca(x, x, Q).mean()
    one, many = (method.log_density(net, x, moment(400).dice, k).values.detach().mean() for k in (1, 1000))
    assert float(exact - one) == pytest.approx(3 - 1 - math.log(3.0), abs=0.15)  # 400 draws
    assert float(exact - many) == pytest.approx(0.0, abs=0.01)


def test_the_bound_may_be_asked_at_any_posterior_and_climbs_to_the_true_one():
    x = data()
    method, net = at_the_optimum(x, 3.0)
    mu, log_var = (v.detach() for v in net.q(x))
    net.requires_grad_(False)
    dice = moment(400).dice
    worse, own, better = (
        float(method.bound(net, x, m, v, dice).mean()) for m, v in ((mu + 1, log_var), (mu, log_var), (mu, log_var - math.log(3.0)))
    )
    assert worse < own < better == pytest.approx(float(probabilistic_pca(x, x, Q).mean()), abs=0.1)


def test_a_learned_density_integrates_to_one():
    """On a grid around a ring, by 64 importance samples; a rate that counted twice, or a variance for its root, would miss by far."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 1000)
    x = (np.stack([np.cos(angle), np.sin(angle)], 1) + 0.15 * rng.normal(size=(1000, 2))).astype(np.float32)
    rep = al.learn(x, VAE(latent=1), steps=400, seed=0)
    side = np.linspace(-3.4, 3.4, 41, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    scale = rep.intake.rules["at_"].scale.numpy()
    found = rep.log_density(grid * scale + rep.intake.rules["at_"].mean.numpy(), k=64)
    assert (found.kind, found.k, found.levels) == ("estimate", 64, None)
    assert float(found.values.exp().sum()) * (side[1] - side[0]) ** 2 == pytest.approx(1.0, abs=0.01)


def test_missing_entries_are_said_as_a_gaussian_would():
    """In probabilistic PCA the mean of the missing entries given the others is C_uk C_kk^-1 x_k with C = W W' + s^2."""
    x = data()
    method, net = at_the_optimum(x)
    W, noise = net.decoder.weight.detach(), net.variance
    C = W @ W.T + noise * torch.eye(D)
    known = torch.tensor([True, True, False, True, False]).expand(400, D)
    k, u = known[0], ~known[0]
    exact = x[:, k] @ torch.linalg.solve(C[k][:, k], C[k][:, u])
    said = method.complete(net, torch.where(known, x, 77.0), known, Dice.roll(0, 0, torch.arange(400)))
    assert torch.equal(said[known], x[known])
    # the proposals come from a posterior of all entries: 32 weighted samples leave some noise of them
    error, spread = (said[:, u] - exact).detach().square().mean(), exact.square().mean()
    assert float(error) < 0.05 * float(spread)
