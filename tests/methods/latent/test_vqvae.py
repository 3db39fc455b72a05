"""Codes, gradients and moving averages worked by hand."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array, Dice, Misuse
from allegory.data import Items, Source
from allegory.methods.latent.vqvae import VQVAE
from allegory.nets import Codebook
from allegory.train import fit

BOOK = torch.tensor([[[0.0, 0.0], [2.0, 0.0], [0.0, 3.0]]], dtype=torch.float64)  # one group, three codes of two numbers
X = torch.tensor(
    [[0.9, 0.2], [1.2, -0.5], [0.1, 1.6]], dtype=torch.float64
)  # nearest: code 0 (.85 against 1.25), code 1, code 2 (1.97 against 2.57)
LOG_TAU = math.log(2 * math.pi)


def net_of(method):
    """z_e = x, and the decoder gives 3 z; the codes are those of BOOK."""
    net = method.build(Array((2,)), 4).double()
    net.body, net.to_codes, net.decoder = nn.Identity(), linear([[1.0, 0.0], [0.0, 1.0]]), linear([[3.0, 0.0], [0.0, 3.0]])
    for name, values in {"codes": BOOK, "sums": BOOK * 2.0, "counts": torch.full((1, 3), 2.0).double()}.items():
        getattr(net.book, name).copy_(values)
    return net


METHOD = VQVAE(k=3, width=2, groups=1, likelihood="gaussian", beta=0.5)


def loss_of(net, method=METHOD, x=X):
    (player,) = method.players(net)
    return player.loss(batch(x), moment(len(x)))


def test_the_nearest_code_by_hand():
    net = net_of(METHOD)
    codes = METHOD.codes(net, X)
    assert codes["indices"].values.flatten().tolist() == [0, 1, 2] and codes["indices"].kind == "index"
    torch.testing.assert_close(METHOD.encode(net, X), BOOK[0])
    torch.testing.assert_close(METHOD.decode(net, BOOK[0]), 3.0 * BOOK[0])


def test_distortion_commitment_and_use_by_hand():
    """x - 3 e: (.9, .2), (-4.8, -.5), (.1, -7.4); x - e: (.9, .2), (-.8, -.5), (.1, -1.4)."""
    loss = loss_of(net_of(METHOD))
    distortion = ((0.85 + (23.04 + 0.25) + (0.01 + 54.76)) / 3) / 2 + LOG_TAU
    commitment = (0.85 + 0.89 + 1.97) / 3
    assert loss.terms["distortion"].item() == pytest.approx(distortion, abs=1e-9)
    assert loss.terms["commitment"].item() == pytest.approx(commitment, abs=1e-9)
    assert loss.total.item() == pytest.approx(distortion + 0.5 * commitment, abs=1e-9)
    assert loss.terms["perplexity"].item() == pytest.approx(3.0) and loss.terms["codebook_use"].item() == pytest.approx(1.0)
    two = loss_of(net_of(METHOD), x=X[[0, 0, 0, 1]]).terms  # shares 3/4 and 1/4
    assert two["perplexity"].item() == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)), abs=1e-9)
    assert two["codebook_use"].item() == pytest.approx(2 / 3)
    assert loss_of(net_of(METHOD), x=X[:1]).terms["codebook_use"].item() == pytest.approx(1.0)  # one vector meets one code at most


def test_the_gradient_passes_the_choice_as_it_is_and_the_commitment_pulls_to_the_code():
    """Of one example: d distortion / d z_q = 3 (3 e - x), handed to z_e; d commitment / d z_e = 2 beta (z_e - e)."""
    net = net_of(METHOD)
    (g,) = torch.autograd.grad(loss_of(net, x=X[1:2]).total, net.to_codes.bias)
    torch.testing.assert_close(g, 3.0 * (3.0 * BOOK[0, 1] - X[1]) + 2.0 * 0.5 * (X[1] - BOOK[0, 1]))
    alone = dataclasses.replace(METHOD, beta=0.0)
    (g,) = torch.autograd.grad(loss_of(net, alone, X[1:2]).total, net.to_codes.bias)
    torch.testing.assert_close(g, 3.0 * (3.0 * BOOK[0, 1] - X[1]))


def test_the_codebook_follows_by_the_papers_averages():
    """gamma .9, N = 2, m = 2 e. Code 1 meets (1.2, -.5): N = 1.9, m = (3.6 + .12, -.05). Code 0 meets two, code 2 none: it stays."""
    net, method = net_of(METHOD), dataclasses.replace(METHOD, gamma=0.9)
    loss = loss_of(net, method, X[[0, 0, 1]])
    method.after_step(net, moment(3, step=500), {"vqvae": loss.memo})
    torch.testing.assert_close(net.book.counts, torch.tensor([[2.0, 1.9, 1.8]], dtype=torch.float64))
    want = torch.tensor([[0.1 * 1.8 / 2.0, 0.1 * 0.4 / 2.0], [3.72 / 1.9, -0.05 / 1.9], [0.0, 3.0]], dtype=torch.float64)
    torch.testing.assert_close(net.book.codes[0], want)
    assert net.frequency.flatten().tolist() == pytest.approx([0.9 / 3 + 0.1 * 2 / 3, 0.9 / 3 + 0.1 / 3, 0.9 / 3])


def test_a_young_codebook_forgets_sooner():
    """At step 0 a tenth stays, whatever gamma says: code 1 with N = 2, m = (4, 0) has N = .2 + .9, m = (.4 + .9 1.2, -.45)."""
    net = net_of(METHOD)
    METHOD.after_step(net, moment(3, step=0), {"vqvae": loss_of(net).memo})
    torch.testing.assert_close(net.book.codes[0, 1], torch.tensor([1.48 / 1.1, -0.45 / 1.1], dtype=torch.float64))


def test_a_code_that_nobody_uses_is_put_on_a_vector_of_the_batch():
    net = net_of(METHOD)
    net.book.counts[0, 2] = 0.05  # a tenth of the mean, 1.35, is more
    net.book.sums[0, 2] = 0.05 * net.book.codes[0, 2]
    METHOD.after_step(net, moment(3, step=500), {"vqvae": loss_of(net, x=X[[0, 0, 1]]).memo})
    assert any(torch.equal(net.book.codes[0, 2], row) for row in X[:2])
    torch.testing.assert_close(net.book.sums[0, 2], net.book.codes[0, 2] * net.book.counts[0, 2])
    assert net.book.counts[0, 2].item() == pytest.approx((1.99 + 2 * 0.99 + 0.01 + 0.05 * 0.99) / 3, abs=0.02)  # the mean before it
    assert not net.book.dead(0.1).any()


def test_codes_that_are_used_stay_where_they_are():
    book = Codebook(2, 5, 3).double()
    before = book.codes.clone()
    book.restart(book.dead(0.1), torch.zeros_like(before))
    assert torch.equal(book.codes, before)


def test_every_group_has_a_codebook_of_its_own():
    book = Codebook(2, 2, 1).double()
    book.codes.copy_(torch.tensor([[[0.0], [1.0]], [[10.0], [11.0]]]))
    index = book.nearest(torch.tensor([[[0.9], [10.2]]], dtype=torch.float64))
    assert index.tolist() == [[1, 0]] and book.of(index).flatten().tolist() == [1.0, 10.0]
    book.follow(torch.tensor([[[0.9], [10.2]]], dtype=torch.float64), index, 0.5)
    assert book.counts.tolist() == [[0.5, 1.0], [1.0, 0.5]]


def test_the_rate_is_that_of_the_frequencies():
    """-log(.99 f + .01 / K) of the code at its place."""
    net = net_of(METHOD)
    net.frequency.copy_(torch.tensor([[[0.5, 0.25, 0.25]]]))
    kl = METHOD.codes(net, X)["kl"].values
    assert kl.flatten().tolist() == pytest.approx([-math.log(0.99 * f + 0.01 / 3) for f in (0.5, 0.25, 0.25)], abs=1e-9)


def test_what_the_indices_take_and_what_is_left_by_hand():
    """|x - 3 e|^2 = .85, 23.29 and 54.77; the indices by the frequencies."""
    net = net_of(METHOD)
    net.frequency.copy_(torch.tensor([[[0.5, 0.25, 0.25]]]))
    told = METHOD.rate_distortion(net, X, moment(3).dice)
    assert told.rate.tolist() == pytest.approx([-math.log(0.99 * f + 0.01 / 3) for f in (0.5, 0.25, 0.25)], abs=1e-9)
    assert told.distortion.tolist() == pytest.approx([square / 2 + LOG_TAU for square in (0.85, 23.29, 54.77)], abs=1e-9)


def test_samples_meet_each_code_as_often_as_the_data_do():
    net = net_of(METHOD)
    net.frequency.copy_(torch.tensor([[[0.6, 0.1, 0.3]]]))
    drawn = METHOD.sample(net, 20_000, moment(1).dice)
    shares = [(drawn == 3.0 * code).all(1).double().mean().item() for code in BOOK[0]]
    assert shares == pytest.approx([0.99 * f + 0.01 / 3 for f in (0.6, 0.1, 0.3)], abs=0.015)  # four standard errors of a share of .5


@pytest.fixture(scope="module")
def learned():
    rng = np.random.default_rng(0)
    x = np.zeros((120, 1, 8, 8), np.uint8)
    for i, (r, c) in enumerate(rng.integers(0, 6, (120, 2))):
        x[i, 0, r : r + 2, c : c + 2] = 200
    source = Source("squares", Array((1, 8, 8), levels=256), x)
    return fit(VQVAE(k=32, width=4), source, steps=60, batch=40, device="cpu", index=np.arange(120))


def test_a_short_training_keeps_the_codebook_in_use(learned):
    net = learned.net
    assert net.frequency.shape == (4, 1, 32)  # 2 x 2 places
    assert torch.exp(torch.special.entr(net.frequency.mean(0)).sum()) > 8  # of 32 codes


def test_the_codebook_begins_with_vectors_of_the_data(learned):
    method = learned.method
    net = method.build(learned.intake.spec, 120)
    x = np.zeros((20, 1, 8, 8), np.uint8)
    x[:, 0, 0, 0] = np.arange(20) * 10
    items = Items(Source("dots", Array((1, 8, 8), levels=256), x), learned.intake, np.arange(20))
    method.prepare(net, items, Dice.roll(0, -1, torch.empty(0, dtype=torch.int64)))
    vectors = net.eval().z_e(items.whole()).flatten(0, 2)
    apart = (net.book.codes[0][:, None] - vectors).norm(dim=2).min(1).values
    assert apart.max() < 1e-6


def test_images_need_a_net_with_places():
    with pytest.raises(Misuse, match="no maps of places"):
        VQVAE(encoder="mlp").build(Array((1, 8, 8), levels=256), 4)
    assert VQVAE().resolved(Array((6,)), None).groups == 4 and VQVAE().resolved(Array((1, 8, 8), levels=2), None).groups == 1
