"""The importance weighted bound where the truth is known: p(z) = N(0, 1), p(x|z) = N(2 z, 1), so log p(x) is that of N(0, 5)."""

import itertools
import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.latent.iwae import IWAE
from allegory.methods.latent.vae import VAE

W, X = 2.0, 1.5


def net_of(method, slope, variance):
    """q(z|x) = N(slope x, variance)."""
    net = method.build(Array((1,)), 4).double()
    net.body, net.posterior, net.decoder = nn.Identity(), linear([[slope], [0.0]], [0.0, math.log(variance)]), linear([[W]])
    return net


def evidence(x=X):
    return -0.5 * (x * x / (W * W + 1) + math.log(2 * math.pi) + math.log(W * W + 1))


def bound(k, slope, variance, n=4000, x=X):
    method = IWAE(latent=1, likelihood="gaussian", k=k)
    (player,) = method.players(net_of(method, slope, variance))
    return player.loss(batch(torch.full((n, 1), x, dtype=torch.float64)), moment(n))


def test_two_draws_by_hand():
    """x = 1.5, q = N(.5, 4): log w = log N(x; 2 z, 1) + log N(z; 0, 1) - log N(z; .5, 4) at the two draws that the dice give."""
    method = IWAE(latent=1, likelihood="gaussian", k=2)
    now, net = moment(2), net_of(method, 1 / 3, 4.0)
    eps = now.dice.normal("eps", 2, 1)[:, :, 0].double()

    def normal(v, m, s2):
        return -0.5 * ((v - m) ** 2 / s2 + math.log(2 * math.pi * s2))

    total = 0.0
    for i in range(2):
        w = [math.exp(normal(X, W * z, 1) + normal(z, 0, 1) - normal(z, 0.5, 4)) for z in (0.5 + 2 * float(e) for e in eps[i])]
        total += math.log(sum(w) / 2) / 2
    (player,) = method.players(net)
    loss = player.loss(batch(torch.full((2, 1), X, dtype=torch.float64)), now)
    assert -loss.total.item() == pytest.approx(total, abs=1e-9)


def test_at_the_true_posterior_every_weight_is_the_evidence():
    loss = bound(3, W / (W * W + 1), 1 / (W * W + 1), n=8)
    assert -loss.total.item() == pytest.approx(evidence(), abs=1e-9)  # no draw changes w = p(x)


def test_the_bound_tightens_with_k_up_to_the_evidence():
    """With the prior for q. k = 1 is the ELBO, whose gap is KL(N(0, 1) || N(.6, .2)) = (log .2 + (1 + .36) / .2 - 1) / 2 = 2.095."""
    found = [-bound(k, 0.0, 1.0).total.item() for k in (1, 4, 16, 64)]
    gaps = [evidence() - b for b in found]
    assert gaps[0] == pytest.approx(0.5 * (math.log(0.2) + 1.36 / 0.2 - 1), abs=0.15)  # five standard errors of 4,000 draws
    assert all(more < 0.6 * less for less, more in itertools.pairwise(gaps))
    assert -0.03 < gaps[3] < 0.06


def test_one_draw_is_the_bound_of_the_vae():
    """With k = 1 the KL is estimated at the same draw: equal in the mean."""
    rows = torch.full((40_000, 1), X, dtype=torch.float64)
    plain = VAE(latent=1, likelihood="gaussian")
    (player,) = plain.players(net_of(plain, 0.1, 0.7))
    of_vae = player.loss(batch(rows), moment(len(rows))).total.item()
    assert bound(1, 0.1, 0.7, n=40_000).total.item() == pytest.approx(of_vae, abs=0.05)


def test_the_estimate_of_the_density_says_its_samples():
    method = IWAE(latent=1, likelihood="gaussian", k=2)
    net, x = net_of(method, 0.0, 1.0), torch.full((500, 1), X, dtype=torch.float64)
    one, many = (method.log_density(net, x, moment(500).dice, k) for k in (1, 200))
    assert (one.kind, many.kind, many.k) == ("lower bound", "estimate", 200)
    assert many.values.mean().item() == pytest.approx(evidence(), abs=0.03) and one.values.mean().item() < evidence() - 1


def test_the_variance_follows_the_errors_of_the_draws_that_count():
    method = IWAE(latent=1, likelihood="sigma", k=64)
    net, x = net_of(method, 0.0, 1.0), torch.full((64, 1), X, dtype=torch.float64)
    (player,) = method.players(net)
    squares, known = player.loss(batch(x), moment(64)).memo.sum(0)
    # the posterior's own mean square of x - 2 z: z ~ N(.6, .2), so (1.5 - 1.2)^2 + 4 * .2 = .89; draws of the prior alone give 6.25
    assert (squares / known).item() == pytest.approx(0.89, abs=0.1)
