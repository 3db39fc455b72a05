"""DRAW where everything is known: two steps of one latent on one number."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array, Dice, Misuse
from allegory.methods.latent.draw import DRAW
from allegory.methods.latent.vae import VAE

LOG_TAU = math.log(2 * math.pi)
SPEC = Array((1,))
X = torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64)
A, B, V, W = 0.5, 0.25, 0.4, 3.0  # mu_t = A x + B (x - c_t-1), sigma^2 = V, c_t = c_t-1 + W z_t


class Passed(nn.Module):
    """In place of an LSTM: the state is the input."""

    def forward(self, x, state):
        del state
        return x, x


def net_of(method):
    net = method.build(SPEC, 4).double()
    net.encoder, net.decoder = Passed(), Passed()  # the encoder sees x, the error and the decoder's h
    net.q, net.writes = linear([[A, B, 0.0], [0.0, 0.0, 0.0]], [0.0, math.log(V)]), linear([[W]])
    return net


def by_hand(x, eps):
    """(distortion, the KL of each step) of one example."""
    c, kls = 0.0, []
    for e in eps:
        mu = A * x + B * (x - c)
        kls.append((mu * mu + V - math.log(V) - 1.0) / 2)
        c += W * (mu + math.sqrt(V) * e)
    return ((x - c) ** 2 + LOG_TAU) / 2, kls


METHOD = DRAW(times=2, latent=1, hidden=1, likelihood="gaussian", beta=2.0)


def worked(now):
    eps = now.dice.normal("eps", 2, 1).double()[..., 0]
    return [by_hand(x, e) for x, e in zip(X[:, 0].tolist(), eps.tolist(), strict=True)]


def test_the_bound_sums_the_rate_of_all_steps_by_hand():
    net, now = net_of(METHOD), moment(3)
    (player,) = METHOD.players(net)
    loss = player.loss(batch(X), now)
    distortion, rate = (sum(v) / 3 for v in zip(*((d, sum(k)) for d, k in worked(now)), strict=True))
    assert loss.terms["distortion"].item() == pytest.approx(distortion, abs=1e-9)
    assert loss.terms["rate"].item() == pytest.approx(rate, abs=1e-9)
    assert loss.total.item() == pytest.approx(distortion + 2.0 * rate, abs=1e-9)
    assert loss.terms["elbo"].item() == pytest.approx(-distortion - rate, abs=1e-9)


def test_the_density_is_the_bound_of_each_example():
    net, now = net_of(METHOD), moment(3)
    density = METHOD.log_density(net, X, now.dice)
    assert density.kind == "lower bound" and density.levels is None
    assert density.values.tolist() == pytest.approx([-d - sum(k) for d, k in worked(now)], abs=1e-9)


def test_one_step_is_a_vae():
    """The same encoder and decoder, and the same draws, in a VAE: the same loss and the same density."""
    one = DRAW(times=1, latent=1, hidden=1, likelihood="gaussian")
    net = net_of(one)
    vae = VAE(latent=1, likelihood="gaussian")
    other = vae.build(SPEC, 4).double()
    other.body, other.posterior, other.decoder = nn.Identity(), linear([[A + B], [0.0]], [0.0, math.log(V)]), linear([[W]])
    ours, theirs = (next(p.loss(batch(X), moment(3)) for p in m.players(n)) for m, n in ((one, net), (vae, other)))
    assert ours.total.item() == pytest.approx(theirs.total.item(), abs=1e-12)
    torch.testing.assert_close(*(m.log_density(n, X, moment(3).dice).values for m, n in ((one, net), (vae, other))))


def test_the_importance_weights_by_hand():
    """log w = log p(x|z) + sum over t of log N(z_t; 0, 1) - log N(z_t; mu_t, V); the estimate is log mean exp of three."""
    net, dice = net_of(METHOD), moment(3).dice
    density = METHOD.log_density(net, X, dice, k=3)
    assert density.kind == "estimate" and density.k == 3
    for i, x in enumerate(X[:, 0].tolist()):
        log_w = []
        for draw in range(3):
            c, gained = 0.0, 0.0
            for e in dice.split(draw).normal("eps", 2, 1)[i].flatten().double().tolist():
                mu = A * x + B * (x - c)
                z = mu + math.sqrt(V) * e
                gained += -z * z / 2 + e * e / 2 + math.log(V) / 2
                c += W * z
            log_w.append(gained - ((x - c) ** 2 + LOG_TAU) / 2)
        assert density.values[i].item() == pytest.approx(math.log(sum(map(math.exp, log_w)) / 3), abs=1e-9)


def test_means_are_those_of_the_path_of_means_and_the_rate_is_that_of_draws():
    net = net_of(METHOD)
    codes = METHOD.codes(net, X)
    means = []
    for x in X[:, 0].tolist():
        c = 0.0
        for _ in range(2):
            means.append(A * x + B * (x - c))
            c += W * means[-1]
    assert codes["mean"].values.flatten().tolist() == pytest.approx(means, abs=1e-9)
    z = METHOD.encode(net, X)
    assert torch.equal(z, codes["mean"].values)
    torch.testing.assert_close(METHOD.decode(net, z), W * z.sum(1, keepdim=True))
    eps = Dice.roll(0, 0, torch.zeros(1, dtype=torch.int64)).normal("eps", 2, 1).flatten().tolist()
    assert codes["kl"].values.tolist() == [pytest.approx(by_hand(x, eps)[1], abs=1e-6) for x in X[:, 0].tolist()]


def test_samples_are_of_the_prior():
    drawn = METHOD.sample(net_of(METHOD), 20_000, moment(1).dice)
    assert drawn.std().item() == pytest.approx(W * math.sqrt(2.0), abs=0.1)  # c_2 = W (z_1 + z_2); five standard errors


def test_the_bits_are_the_kl_of_what_is_sent():
    """All bits: the picture of the bound, at its rate; none: the prior's mean, 0; between: whole latents, as many as fit."""
    net, now = net_of(METHOD), moment(3)
    steps = [k for _, k in worked(now)]
    (nothing, no_bits), (first, bits), (everything, all_bits) = METHOD.progressive(net, X, now.dice, (0.0, 1.0, math.inf))
    assert torch.equal(nothing, torch.zeros(3, 1, dtype=torch.float64)) and no_bits.tolist() == [0.0] * 3
    eps = now.dice.normal("eps", 2, 1).double()
    torch.testing.assert_close(everything, net.trace(X, eps).canvas)
    assert all_bits.tolist() == pytest.approx([sum(k) / math.log(2) for k in steps], abs=1e-9)
    for i, (k1, k2) in enumerate(steps):
        fitting = [v for v in (0.0, k1 / math.log(2), (k1 + k2) / math.log(2)) if v <= 1.0]
        assert bits[i].item() == pytest.approx(max(fitting), abs=1e-9)
        if len(fitting) == 2:  # the first step is sent, the second is the mean of its prior
            mu = (A + B) * X[i, 0].item()
            assert first[i].item() == pytest.approx(W * (mu + math.sqrt(V) * eps[i, 0, 0].item()), abs=1e-9)
    assert ((bits > 0) & (bits < all_bits)).any()


def test_nothing_is_sent_after_what_does_not_fit():
    """A bias of 1 on the canvas makes the second latent cheaper than the first, (2^2 + ..) / 2 nats for (2.25^2 + ..) / 2 at x = 3."""
    net = net_of(METHOD)
    net.writes = linear([[W]], [1.0])
    first, second = ((mu * mu + V - math.log(V) - 1.0) / 2 for mu in ((A + B) * 3.0, A * 3.0 + B * 2.0))
    budget = (first + second) / 2 / math.log(2)
    ((picture, bits),) = METHOD.progressive(net, torch.full((1, 1), 3.0, dtype=torch.float64), moment(1).dice, (budget,))
    assert second < budget * math.log(2) < first
    assert bits.item() == 0.0 and picture.item() == pytest.approx(2.0)


def test_the_usual_nats_follow_the_batch():
    net = net_of(METHOD)
    kl = torch.tensor([[[1.0], [3.0]], [[2.0], [5.0]]], dtype=torch.float64)
    memo = {"error": torch.ones(2, 2, dtype=torch.float64), "kl": kl}
    METHOD.after_step(net, moment(2, step=0), {"drawing": memo})
    assert net.usual.flatten().tolist() == pytest.approx([1.5, 4.0])
    METHOD.after_step(net, moment(2, step=1), {"drawing": memo | {"kl": kl * 0.0}})
    assert net.usual.flatten().tolist() == pytest.approx([0.9 * 1.5, 0.9 * 4.0])
    assert net.variance.item() == 1.0  # of a Gaussian of variance 1


def test_with_attention_it_reads_and_writes_through_windows():
    method = DRAW(times=2, latent=3, hidden=8, attention=2, likelihood="sigma")
    net = method.build(Array((2, 6, 5), levels=256), 4)
    x = torch.rand(3, 2, 6, 5) * 2 - 1
    assert method.decode(net, method.encode(net, x)).shape == x.shape
    (player,) = method.players(net)
    loss = player.loss(batch(x), moment(3))
    moved = torch.autograd.grad(loss.total, [net.reading.weight, net.writing.weight, net.reading.bias, net.writing.bias])
    assert all(bool((g != 0).any()) for g in moved)
    with pytest.raises(Misuse, match="attention reads and writes pictures"):
        method.build(Array((6,)), 4)


def test_what_the_code_takes_and_what_is_left_by_hand():
    net, now = net_of(METHOD), moment(3)
    told = METHOD.rate_distortion(net, X, now.dice)
    assert told.rate.tolist() == pytest.approx([sum(kls) for _, kls in worked(now)], abs=1e-9)
    assert told.distortion.tolist() == pytest.approx([d for d, _ in worked(now)], abs=1e-9)
    assert told.likelihood == "gaussian"
