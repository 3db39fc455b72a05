"""An LSTM of one number worked out, and the laws of all that foresee number by number."""

import math

import pytest
import torch
from helpers import autoregressive as laws
from helpers.learned import learned
from helpers.moments import batch, moment

from allegory.core import Array, Misuse
from allegory.methods.density.pixel_rnn import PixelRNN

SMALL = PixelRNN(width=5, depth=2)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_two_pixels_by_hand():
    """Black, then white. An LSTM of width 1: c = f c + i g, h = o tanh(c); white has the probability sigmoid(2 h - .3)."""
    method = PixelRNN(width=1)
    net = method.build(Array((1, 1, 2), levels=2), 4).double()
    body, lstm = net.body, net.body.layers[0].cell
    assert body.back == [1, 2, 3]  # the number before; those above lie before the beginning here
    inputs, states, biases = [0.5, -0.4, 0.9, 0.3], [0.2, 0.6, -0.7, 0.1], [0.1, 0.2, -0.1, 0.4]  # of i, f, g, o
    with torch.no_grad():
        body.inward.weight.copy_(torch.tensor([[0.8, 9.0, 9.0]]))
        body.inward.bias.fill_(0.1)
        for places, values in ((body.rows, [[0.2]]), (body.columns, [[0.3], [-0.5]]), (body.channels, [[0.05]])):
            places.copy_(torch.tensor(values))
        for own, values in ((lstm.weight_ih_l0, inputs), (lstm.weight_hh_l0, states)):
            own.copy_(torch.tensor(values)[:, None])
        lstm.bias_ih_l0.copy_(torch.tensor(biases))
        lstm.bias_hh_l0.zero_()
        body.outward.weight.fill_(2.0)
        body.outward.bias.fill_(-0.3)
    h = c = 0.0
    white = []
    for before, column in ((0.0, 0.3), (-1.0, -0.5)):  # nothing, then black
        x = 0.8 * before + 0.1 + 0.2 + column + 0.05
        i, f, g, o = (w * x + u * h + b for w, u, b in zip(inputs, states, biases, strict=True))
        c = sigmoid(f) * c + sigmoid(i) * math.tanh(g)
        h = sigmoid(o) * math.tanh(c)
        white.append(sigmoid(2 * h - 0.3))
    expected = math.log(1 - white[0]) + math.log(white[1])
    image = torch.tensor([[[[-1.0, 1.0]]]]).double()
    assert method.log_density(net, image, moment(1).dice).values.item() == pytest.approx(expected, abs=1e-7)
    (player,) = method.players(net)
    assert player.loss(batch(image.repeat(3, 1, 1, 1)), moment(3)).total.item() == pytest.approx(-expected, abs=1e-7)


@pytest.mark.parametrize(("shape", "levels"), [((1, 2, 2), 2), ((1, 2, 1), 3), ((3, 1, 1), 3)])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_probabilities_sum_to_one(shape, levels, cell):
    laws.assert_probabilities(PixelRNN(width=5, depth=2, cell=cell), shape, levels)


@pytest.mark.parametrize("shape", [(1, 4, 3), (2, 2, 3), (1, 3, 1)])
def test_no_number_is_foreseen_from_itself_or_later(shape):
    laws.assert_causal(SMALL, shape)


@pytest.mark.parametrize(("shape", "levels"), [((1, 4, 3), 2), ((3, 2, 3), 5), ((1, 4, 1), 3)])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_kept_states_change_nothing(shape, levels, cell):
    laws.assert_cached_is_naive(PixelRNN(width=5, depth=2, cell=cell), shape, levels)


def test_a_sample_costs_one_pass():
    drawn = laws.assert_a_sample_costs_one_pass(SMALL, (1, 4, 3))
    assert drawn["layers.0.cell"] == 12


def test_completion_follows_the_law():
    laws.assert_completes_by_the_law(SMALL)


def test_the_code_is_the_mean_of_the_last_states():
    laws.assert_code(SMALL, layer=1, count=2, places=1)


def test_likelihoods_follow_the_data_and_what_does_not_fit_is_told():
    grey, none = Array((1, 4, 4), levels=17), Array((1, 4, 4))
    assert PixelRNN().resolved(grey, None).likelihood == "categorical"
    assert PixelRNN().resolved(Array((1, 4, 4), levels=2), None).likelihood == "bernoulli"
    assert PixelRNN(likelihood="logistic").build(grey, 4).p.numbers == 2
    assert PixelRNN(likelihood="bernoulli").build(none, 4).p.levels == 2
    with pytest.raises(Misuse, match="have none; bring whole numbers"):
        PixelRNN().resolved(none, None)
    with pytest.raises(Misuse, match=r"65536 levels are too many .* --likelihood logistic"):
        PixelRNN().resolved(Array((1, 4, 4), levels=65536), None)
    with pytest.raises(Misuse, match="reads the pixels of images"):
        PixelRNN().resolved(Array((7,)), None)


def test_grey_pixels_by_request_are_black_and_white_draws():
    """The loss and the density are of the draw that the dice say, and known grey numbers stay as they are."""
    method = PixelRNN(width=5, likelihood="bernoulli")
    net, x = laws.net_of(method, (1, 3, 2), 17), laws.some_images(64, (1, 3, 2), 17)
    dice = laws.dice_of(64)
    drawn = net.p.drawn(x, dice)
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    found = method.log_density(net, x, dice)
    assert found.levels == 2 and torch.equal(found.values, net.p.log_prob(drawn, net.body.predicted(drawn)))
    known = torch.arange(6).view(1, 3, 2).expand_as(x) < 3
    filled = method.complete(net, x, known, dice)
    assert torch.equal(filled[known], x[known]) and set(filled[~known].unique().tolist()) == {-1.0, 1.0}


def test_it_foresees_digits_better_than_a_histogram():
    laws.assert_foresees_better_than_a_histogram(learned("PixelRNN", "digits", 90, width=48))
