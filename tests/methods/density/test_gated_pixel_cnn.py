"""One gated layer worked out, and the laws of all that foresee number by number; no blind spot."""

import math

import pytest
import torch
from helpers import autoregressive as laws
from helpers.learned import learned
from helpers.moments import batch, moment

from allegory.core import Array, Misuse
from allegory.methods.density.gated_pixel_cnn import GatedPixelCNN

SMALL = GatedPixelCNN(width=4, depth=2, first=3)
COLOUR = GatedPixelCNN(width=7, depth=2, first=3)
WIDE = GatedPixelCNN(width=28, depth=2, first=3)  # a ReLU of few channels may be shut for all of them


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_two_rows_by_hand():
    """Black over white, one gated layer of width 1: y = tanh(f) sigmoid(g); white has the probability sigmoid(1.5 relu(y') - .2)."""
    method = GatedPixelCNN(width=1, depth=0, first=3)
    net = method.build(Array((1, 2, 1), levels=2), 4).double()
    layer, first, last = net.body.layers[0], net.body.head[1], net.body.last
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(7.0)  # what the borders and the mask hide must not matter
        layer.vertical.weight[:, 0, 1, 1] = torch.tensor([0.7, -0.6])  # the row itself
        layer.vertical.weight[:, 0, 0, 1] = torch.tensor([5.0, 5.0])  # the row above it, which is border here
        layer.vertical.bias.copy_(torch.tensor([0.1, 0.2]))
        layer.link.weight[:, :, 0, 0] = torch.tensor([[1.1, 0.0], [0.3, 0.9]])
        layer.link.bias.copy_(torch.tensor([0.4, 0.0]))
        layer.horizontal.bias.copy_(torch.tensor([0.3, -0.1]))
        for conv, weight, bias in ((layer.merge, 2.0, 0.05), (first, 0.8, 0.1), (last, 1.5, -0.2)):
            conv.weight.fill_(weight)
            conv.bias.fill_(bias)

    def white(f, g):
        y = 2.0 * math.tanh(f) * sigmoid(g) + 0.05
        return sigmoid(1.5 * max(0.0, 0.8 * max(0.0, y) + 0.1) - 0.2)

    down = (0.7 * -1 + 0.1, -0.6 * -1 + 0.2)  # of the black row, for the row below
    first_white = white(0.3 + 0.4, -0.1)
    second_white = white(0.3 + 1.1 * down[0] + 0.4, -0.1 + 0.3 * down[0] + 0.9 * down[1])
    expected = math.log(1 - first_white) + math.log(second_white)
    image = torch.tensor([[[[-1.0], [1.0]]]]).double()
    assert method.log_density(net, image, moment(1).dice).values.item() == pytest.approx(expected, abs=1e-7)
    (player,) = method.players(net)
    assert player.loss(batch(image.repeat(3, 1, 1, 1)), moment(3)).total.item() == pytest.approx(-expected, abs=1e-7)


@pytest.mark.parametrize(("shape", "levels"), [((1, 2, 2), 2), ((1, 2, 1), 3), ((3, 1, 1), 3)])
def test_probabilities_sum_to_one(shape, levels):
    laws.assert_probabilities(COLOUR if shape[0] == 3 else SMALL, shape, levels)


@pytest.mark.parametrize(("method", "shape"), [(GatedPixelCNN(width=4, depth=3, first=3), (1, 5, 5)), (WIDE, (3, 2, 3)), (WIDE, (2, 3, 2))])
def test_no_number_is_foreseen_from_itself_or_later_and_no_spot_is_blind(method, shape):
    laws.assert_causal(method, shape)


def test_the_reach_is_that_of_the_kernels():
    """5 / 2 + 1 layer of 3 / 2: three columns back, so the first pixel of a row of five does not move the last; three rows up, too."""
    net = laws.net_of(GatedPixelCNN(width=4, depth=1, first=5), (1, 1, 5), 2)
    x = torch.zeros(1, 1, 1, 5, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(net.body.predicted(x)[0, 0, 0, 4], x)
    assert (slope[0, 0, 0] != 0).tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(("method", "shape", "levels"), [(SMALL, (1, 5, 4), 2), (COLOUR, (3, 3, 4), 5), (SMALL, (1, 4, 1), 3)])
def test_kept_rows_and_columns_change_nothing(method, shape, levels):
    laws.assert_cached_is_naive(method, shape, levels)


def test_a_sample_costs_one_pass():
    drawn = laws.assert_a_sample_costs_one_pass(SMALL, (1, 4, 3))
    assert drawn["layers.1.horizontal"] == 12 and drawn["layers.1.vertical"] == 9  # a row is done once, when it is complete


def test_completion_follows_the_law():
    laws.assert_completes_by_the_law(SMALL)


def test_the_code_is_the_mean_of_the_middle_layer():
    laws.assert_code(SMALL, layer=1, count=3, places=(2, 3))


def test_even_kernels_and_too_few_channels_are_told():
    for method in (GatedPixelCNN(kernel=4), GatedPixelCNN(first=2), GatedPixelCNN(width=2)):
        with pytest.raises(Misuse, match="odd kernels and a width of at least 3"):
            method.build(Array((3, 4, 4), levels=256), 4)


def test_it_foresees_digits_better_than_a_histogram():
    laws.assert_foresees_better_than_a_histogram(learned("GatedPixelCNN", "digits", 80, width=16, depth=2))
