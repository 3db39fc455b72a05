"""The objectives of the three players by hand; who sees what; and that concepts learned on sprites show what they name."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.moments import linear, moment
from helpers.toys import learner_of
from torch import nn

import allegory as al
from allegory.core import Array, Batch, Dice, Misuse, Problem
from allegory.data import OPERATORS, concepts
from allegory.methods.latent.scan import SCAN

NAMES = ("shape=square", "shape=heart", "x=0", "x=1")
VALUES = torch.tensor([[1, 0]])
SPRITES = "sprites:size=16,shapes=3,scales=2,orientations=1,xs=3,ys=3"


def double(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def made(**said):
    """A net on vectors of two numbers, in float64: q(z_x|x) = N(x, (4, 1)); the decoder and the spelling say 0."""
    method = SCAN(latent=2, likelihood="gaussian", names=NAMES, **said)
    net = method.build(Array((2,)), 4).double()
    net.body, net.decoder, net.spelling = nn.Identity(), linear([[0.0, 0.0]] * 2), linear([[0.0, 0.0]] * 4)
    net.posterior = linear([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]], [0.0, 0.0, math.log(4.0), 0.0])
    return method, net


def always(mu, var):
    """q(z_y|y), the same for every symbol."""
    return linear([[0.0] * 4] * 4, [*mu, *(math.log(v) for v in var)])


def loss_of(method, net, player, x=((0.0, 0.0),), values=VALUES):
    x = double(*x)
    named = {p.name: p for p in method.players(net)}
    return named[player].loss(Batch(x, x, torch.arange(len(x)), factors=values), moment(len(x)))


def test_the_loss_of_symbols_by_hand():
    """q(z_x|x) = N((0, 0), (4, 1)), q(z_y|y) = N((1, 0), (9, 1)): grounded = (4/9 + 1/9 - 1 + log 9/4) / 2 = .183 in the first latent,
    0 in the second; rate = (1 + 9 - log 9 - 1) / 2 = 3.40; four values spelt by logits of 0 cost log 2 each, whatever is named."""
    method, net = made(beta_y=0.5, lam=10.0)
    net.meaning = always((1.0, 0.0), (9.0, 1.0))
    loss = loss_of(method, net, "symbols")
    grounded, rate = (5 / 9 - 1 + math.log(9 / 4)) / 2, (9 - math.log(9.0)) / 2
    assert loss.terms["grounded"].item() == pytest.approx(grounded, abs=1e-9)
    assert loss.terms["rate"].item() == pytest.approx(rate, abs=1e-9)
    assert loss.terms["spelt"].item() == pytest.approx(4 * math.log(2.0), abs=1e-9)
    assert loss.total.item() == pytest.approx(4 * math.log(2.0) + 0.5 * rate + 10 * grounded, abs=1e-9)


def test_the_divergence_goes_from_images_to_symbols():
    """The other way round it is (9/4 + 1/4 - 1 + log 4/9) / 2 = .345, nearly twice as much."""
    method, net = made(covering=False)
    net.meaning = always((1.0, 0.0), (9.0, 1.0))
    back = (9 / 4 + 1 / 4 - 1 + math.log(4 / 9)) / 2
    assert loss_of(method, net, "symbols").terms["grounded"].item() == pytest.approx(back, abs=1e-9)


def test_the_best_concept_covers_all_its_images():
    """Images at -3 and 3 with variance 4 in the first latent: the Gaussian nearest to both is N(0, 4 + 9). The other way round the best
    variance of the same mean is 4, that of one image."""
    for covering, var in ((True, 13.0), (False, 4.0)):
        method, net = made(covering=covering, beta_y=0.0)
        found = {}
        for v in (0.9 * var, var, 1.1 * var):
            net.meaning = always((0.0, 0.0), (v, 1.0))
            found[v] = loss_of(method, net, "symbols", ((-3.0, 0.0), (3.0, 0.0)), VALUES.expand(2, 2)).total.item()
        assert min(found, key=found.get) == var


def test_spelling_pays_for_what_is_named():
    """Logits (8, -8, 8, -8) and a symbol that names nothing: 2 * softplus(8); one that names square and x=0: nearly nothing."""
    method, net = made()
    net.meaning, net.spelling = always((0.0, 0.0), (1.0, 1.0)), linear([[0.0, 0.0]] * 4, [8.0, -8.0, 8.0, -8.0])
    batch = torch.tensor([[0, 0]]).expand(64, 2)
    told = loss_of(method, net, "symbols", ((0.0, 0.0),) * 64, batch).terms["spelt"].item()
    y = concepts.drawn(batch, method.vocabulary, moment(64).dice)
    missed = float((2 - y.sum(1)).mean())
    assert told == pytest.approx(8 * missed, abs=0.01) and 0.5 < missed < 1.5


def test_the_visual_player_is_a_beta_vae():
    """x = (0, 4): distortion (16 + 2 log 2 pi) / 2, rate (4 - log 4 - 1) / 2 + 8."""
    method, net = made(beta=3.0)
    loss = loss_of(method, net, "vae", ((0.0, 4.0),))
    rate = (3 - math.log(4.0)) / 2 + 8
    assert loss.total.item() == pytest.approx(8 + math.log(2 * math.pi) + 3 * rate, abs=1e-9)


class Firsts(nn.Module):
    """Operators that give the first concept back."""

    def forward(self, seen):
        return seen[..., :2]  # seen: mu, log variance, mu, log variance, operator


def test_the_loss_of_operators_is_the_divergence_from_what_the_result_means():
    """mu of q(z_y|y) = number of names in the first latent, variance 2; operators that do nothing are right for all that change nothing.

    KL(N(a, 2) || N(b, 2)) = (a - b)^2 / 4: the mean over a batch of the squared number of names that the operators should have changed.
    """
    method, net = made()
    net.meaning = linear([[1.0] * 4, [0.0] * 4, [0.0] * 4, [0.0] * 4], [0.0, 0.0, math.log(2.0), math.log(2.0)])
    net.operators = Firsts()
    values = torch.tensor([[1, 0], [0, 1], [1, 1], [0, 0]] * 16)
    x, now = torch.zeros(64, 2).double(), moment(64)
    batch = Batch(x, x, torch.arange(64), factors=values)
    one, other, which = method.asked(batch, now)
    result = torch.stack([concepts.recombined(op, a, b) for op, a, b in zip(names_of(which), one, other, strict=True)])
    wanted = (one.sum(1) - result.sum(1)).square().mean() / 4
    got = {p.name: p for p in method.players(net)}["operators"].loss(batch, now)
    assert float(wanted) > 0.05 and got.total.item() == pytest.approx(float(wanted), abs=1e-6)


def test_the_divergence_of_operators_goes_from_the_symbol_to_the_recombined():
    """Operators that always say N(1, 9) where the symbol means N(0, 1): (1 + 1 - 9 + 9 log 9) / 18 a latent; back it would be 3.40."""
    method, net = made()
    net.meaning = always((0.0, 0.0), (1.0, 1.0))
    net.operators = linear([[0.0] * 7] * 2, [1.0, math.log(9.0)])
    loss = loss_of(method, net, "operators")
    assert loss.total.item() == pytest.approx(2 * (2 - 9 + 9 * math.log(9.0)) / 18, abs=1e-9)


def names_of(which):
    return [OPERATORS[i] for i in which.argmax(1).tolist()]


def test_what_operators_are_asked():
    """For "and" both symbols are of the item, so that they never contradict each other; else the second may. Every operator comes."""
    method = SCAN(names=NAMES)
    values = torch.tensor([[1, 0], [0, 1]]).repeat(150, 1)
    x = torch.zeros(300, 2)
    one, other, which = method.asked(Batch(x, x, torch.arange(300), factors=values), moment(300))
    shown = method.vocabulary.of_values(values, torch.ones(300, 2, dtype=torch.bool))
    strange = ((other > shown).any(1)).float()
    assert bool((one <= shown).all()) and abs(which.mean(0) - 1 / 3).max() < 0.1
    share = [float(strange[which[:, i] == 1].mean()) for i in range(3)]
    assert share[0] == 0.0 and min(share[1:]) > 0.08
    assert not torch.equal(one, other)


def test_operators_are_shown_both_concepts_in_order():
    """mu, log variance of the first, then of the second, then which operator; the same net for every latent."""
    method, net = made()
    net.operators = linear([[1.0, 0.0, 10.0, 0.0, 0.0, 100.0, 200.0], [0.0, 1.0, 0.0, 10.0, 0.0, 0.0, 0.0]])
    one, other = (double([1.0, 2.0]), double([3.0, 4.0])), (double([5.0, 6.0]), double([0.7, 0.8]))
    mu, log_var = method.recombined(net, "in common", one, other)
    assert mu[0].tolist() == pytest.approx([251.0, 262.0]) and log_var[0].tolist() == pytest.approx([10.0, 12.0])
    assert method.recombined(net, "ignore", one, other)[0][0].tolist() == pytest.approx([151.0, 162.0])


def test_images_of_symbols_and_symbols_of_images():
    method, net = made()
    net.meaning, net.decoder = always((2.0, -1.0), (1e-8, 1e-8)), linear([[0.0, 1.0], [1.0, 0.0]])
    net.spelling = linear([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    y = method.vocabulary.symbols([{"shape": "heart"}]).double()
    assert method.sym2img(net, y, Dice.roll(0, 0, torch.arange(1)))[0].tolist() == pytest.approx([-1.0, 2.0], abs=1e-3)
    p = method.img2sym(net, double([math.log(3.0), 0.0]))
    assert p[0].tolist() == pytest.approx([0.5, 0.75, 0.5, 0.5])
    assert method.vocabulary.best(method.img2sym(net, double([1.0, -2.0]))).tolist() == [[1, 1]]


def test_names_follow_the_data_and_must_be_theirs():
    source = al.load(SPRITES)
    full = SCAN().resolved(source.spec, source)
    assert full.names[:4] == ("shape=square", "shape=ellipse", "shape=heart", "scale=0") and full.latent == 10
    assert full.resolved(source.spec, source) == full
    with pytest.raises(Misuse, match="names: expected those of sprites"):
        SCAN(names=NAMES).resolved(source.spec, source)
    with pytest.raises(Problem, match="nothing to name its items by"):
        SCAN().resolved(source.spec, replace(al.load("digits"), labels=None))


def test_factors_are_dealt_to_who_learns_from_them_and_nobody_else():
    source = al.load(SPRITES)
    for method, dealt in ((SCAN(latent=2, encoder="mlp-plain", decoder="mlp"), True), (al.VAE(latent=2, encoder="mlp-plain"), False)):
        learner = learner_of(method, source)
        batch, _ = learner.deal(learner.players[0], 0)
        assert (batch.factors is not None) == dealt
        if dealt:
            shown = source.factors.values[batch.index.numpy()][:, [1, 2, 4, 5]]
            assert np.array_equal(batch.factors.numpy(), shown)


def test_a_pair_that_was_never_seen_together_is_recombined():
    """Two factors of three values, each with a latent of its own that says -2, 0 or 2; the last values of both are never met at once.

    So "c" is at (2, -1), with the variance of -2 and 0 in the second latent, 1. "c" AND "2" is narrow, and nearer to 2 than to 0 in both.
    """
    torch.manual_seed(0)
    names = (*(f"shape={v}" for v in "abc"), *(f"x={v}" for v in range(3)))
    method = SCAN(latent=2, likelihood="gaussian", names=names, width=32)
    net = method.build(Array((2,)), 8)
    net.body, net.posterior = nn.Identity(), linear([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]], [0.0, 0.0, -4.0, -4.0]).float()
    met = torch.tensor([(a, b) for a in range(3) for b in range(3) if (a, b) != (2, 2)])
    players = [p for p in method.players(net) if p.name != "vae"]
    moves = torch.optim.Adam([q for p in players for _, q in p.parameters], lr=3e-3)
    index = torch.arange(64)
    for step in range(1000):
        values = met[index % len(met)]
        x = 2.0 * (values - 1.0)
        now = replace(moment(64), dice=Dice.roll(0, step, index))
        moves.zero_grad()
        sum(p.loss(Batch(x, x, index, factors=values), now).total for p in players).backward()
        moves.step()
    one, other = (method.concept(net, method.vocabulary.symbols([c])) for c in ({"shape": "c"}, {"x": 2}))
    mu, log_var = method.recombined(net, "and", one, other)
    assert one[0][0].tolist() == pytest.approx([2.0, -1.0], abs=0.25) and other[0][0].tolist() == pytest.approx([-1.0, 2.0], abs=0.25)
    assert (0.5 * one[1][0]).exp().tolist() == pytest.approx([0.135, 1.0], abs=0.15)
    assert mu.min() > 1.0 and (0.5 * log_var).exp().max() < 0.4
