"""Convolutional DRAW: a learned prior by hand, and what a short training must show."""

import math

import numpy as np
import pytest
import torch
from helpers.moments import batch, moment

from allegory.checks.trial import images
from allegory.core import Array, Dice, Misuse
from allegory.methods.latent.conv_draw import ConvDRAW
from allegory.representation import Representation
from allegory.train import fit

SPEC = Array((1, 2, 2), levels=256)  # a grid of one place


def constant(module, values):
    """A convolution that gives these channels everywhere."""
    with torch.no_grad():
        module.weight.zero_()
        module.bias.copy_(torch.tensor(values, dtype=torch.float64))


def test_the_rate_is_to_the_prior_of_each_step_by_hand():
    """q = N(.5, e^-1), p = N(-1, e^.5) at every step: (e^-1.5 + 2.25 e^-.5 - 1 + 1.5) / 2 nats, twice."""
    method = ConvDRAW(times=2, latent=1, hidden=2, likelihood="gaussian", beta=3.0)
    net = method.build(SPEC, 4).double()
    constant(net.q, [0.5, -1.0]), constant(net.p_z, [-1.0, 0.5])
    (player,) = method.players(net)
    x = torch.rand(3, 1, 2, 2, dtype=torch.float64)
    loss = player.loss(batch(x), moment(3))
    rate = 2 * 0.5 * (math.exp(-1.5) + 2.25 * math.exp(-0.5) - 1.0 + 1.5)
    assert loss.terms["rate"].item() == pytest.approx(rate, abs=1e-9)
    assert loss.total.item() == pytest.approx(loss.terms["distortion"].item() + 3.0 * rate, abs=1e-9)
    assert loss.memo["kl"].shape == (3, 2, 1)


def test_what_is_written_adds_up_on_the_canvas():
    """Each of three steps adds .4 to a canvas that begins at -.5."""
    method = ConvDRAW(times=3, latent=1, hidden=2, likelihood="gaussian")
    net = method.build(SPEC, 4).double()
    constant(net.writes.doublings[-1], [0.4])
    with torch.no_grad():
        net.blank.fill_(-0.5)
    torch.testing.assert_close(
        method.decode(net, torch.linspace(-1.0, 1.0, 6, dtype=torch.float64).view(2, 3)), torch.full((2, 1, 2, 2), 0.7, dtype=torch.float64)
    )


def test_what_is_not_sent_is_the_mean_of_the_prior():
    method = ConvDRAW(times=2, latent=1, hidden=2, likelihood="gaussian")
    net = method.build(SPEC, 4).double()
    constant(net.p_z, [0.7, 0.5])
    x = torch.rand(3, 1, 2, 2, dtype=torch.float64)
    ((nothing, bits),) = method.progressive(net, x, moment(3).dice, (0.0,))
    assert bits.tolist() == [0.0] * 3
    torch.testing.assert_close(nothing, method.decode(net, torch.full((3, 2), 0.7, dtype=torch.float64)))


def test_within_a_step_the_latents_that_usually_say_most_are_sent_first():
    """Four places with 1, 3, .5 and 2 usual nats; the KL of this picture is the same everywhere, and 2.5 of them fit."""
    method = ConvDRAW(times=1, latent=1, hidden=2, likelihood="gaussian")
    net = method.build(Array((1, 4, 4), levels=256), 4).double()
    constant(net.q, [2.0, -30.0]), constant(net.p_z, [-1.0, 0.0])  # draws are the mean: e^-10 is as small as it gets
    net.usual.copy_(torch.tensor([[1.0, 3.0, 0.5, 2.0]], dtype=torch.float64))
    each = 0.5 * (math.exp(-20.0) + 9.0 - 1.0 + 20.0)
    x = torch.rand(2, 1, 4, 4, dtype=torch.float64)
    ((picture, bits),) = method.progressive(net, x, moment(2).dice, (2.5 * each / math.log(2),))
    assert bits.tolist() == pytest.approx([2.0 * each / math.log(2)] * 2)
    want = torch.tensor([[-1.0, 2.0, -1.0, 2.0]], dtype=torch.float64).expand(2, -1)
    torch.testing.assert_close(picture, method.decode(net, want), atol=1e-3, rtol=0.0)


@pytest.fixture(scope="module")
def drawn():
    """Bars of any direction, learned for some seconds."""
    source = images()
    rep = Representation.of(fit(ConvDRAW(times=3, latent=1, hidden=12), source, steps=120, batch=48, device="cpu", index=np.arange(96)))
    return rep, source


BITS = (0.0, 4.0, 8.0, 16.0, math.inf)


def test_more_bits_are_never_worse_on_average(drawn):
    rep, source = drawn
    x = np.asarray(rep.intake(torch.as_tensor(source.x)))
    told = rep.progressive(source, BITS)
    errors = [float(np.square(picture - x).mean()) for picture, _ in told]
    spent = np.stack([bits for _, bits in told])
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.5 * errors[0]
    assert (np.diff(spent, axis=0) >= 0).all() and (spent <= np.array(BITS)[:, None]).all()
    assert spent[1].mean() > 3.0  # close to its 4: a latent takes a bit or so


def test_all_bits_are_the_rate(drawn):
    """What is spent with no limit is the KL of every latent along the draws, and its mean the rate of the bound."""
    rep, source = drawn
    ((_, bits),) = rep.progressive(source, (math.inf,))
    x = rep.intake(torch.as_tensor(source.x))
    dice = Dice.roll(0, 0, torch.arange(96), "progressive")
    with torch.no_grad():
        kl = rep.net.trace(x, dice.normal("eps", 3, rep.net.latent)).kl().flatten(1).sum(1)
    np.testing.assert_allclose(bits, kl.numpy() / math.log(2), rtol=1e-4)
    rate = rep.codes(source, ("kl",))["kl"].values.sum(1).mean().item()
    assert rate == pytest.approx(kl.mean().item(), rel=0.1)  # the same noise for every picture, or noise of its own


def test_budgets_are_checked(drawn):
    rep, source = drawn
    for bits in ((), (-1.0,), (math.nan,)):
        with pytest.raises(Misuse, match="budgets of 0 bits or more"):
            rep.progressive(source, bits)
