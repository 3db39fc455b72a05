"""Pictures to coarse maps and back, of every size; the ConvLSTM by hand."""

import math

import pytest
import torch

from allegory.nets import ConvLSTM, Grow, Shrink, halvings


def test_halvings_end_at_eight_pixels_or_fewer():
    assert halvings(8, 8) == [(8, 8), (4, 4)]  # once at least
    assert halvings(16, 16) == [(16, 16), (8, 8)]
    assert halvings(28, 28) == [(28, 28), (14, 14), (7, 7)]
    assert halvings(33, 70) == [(33, 70), (17, 35), (9, 18), (5, 9)]


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (28, 28), (33, 47)])
def test_down_and_up_again(size):
    sizes = halvings(*size)
    maps = Shrink(3, 5, sizes)(torch.zeros(2, 3, *size))
    assert maps.shape == (2, 5, *sizes[-1])
    assert Grow(5, 2, sizes)(maps).shape == (2, 2, *size)


def test_a_convolutional_lstm_by_hand():
    """One place, one channel: the gates (i, f, o, g) are the centres of the kernels: w x + u h + b."""
    cell = ConvLSTM(1, 1).double()
    with torch.no_grad():
        cell.gates.weight.zero_()
        for row, (w, u) in enumerate([(0.5, 1.0), (-1.0, 0.3), (2.0, 0.7), (1.5, -0.4)]):
            cell.gates.weight[row, :, 1, 1] = torch.tensor([w, u])
        cell.gates.bias.copy_(torch.tensor([0.1, 1.0, -0.2, 0.3]))
    one = lambda v: torch.full((1, 1, 1, 1), v, dtype=torch.float64)
    h, c = cell(one(0.8), (one(-0.6), one(2.0)))
    sigmoid = lambda v: 1.0 / (1.0 + math.exp(-v))
    gates = [0.5 * 0.8 - 0.6 + 0.1, -0.8 - 0.18 + 1.0, 1.6 - 0.42 - 0.2, 1.2 + 0.24 + 0.3]
    want = sigmoid(gates[1]) * 2.0 + sigmoid(gates[0]) * math.tanh(gates[3])
    assert c.item() == pytest.approx(want, abs=1e-6)  # the kernels were given in float32
    assert h.item() == pytest.approx(sigmoid(gates[2]) * math.tanh(want), abs=1e-6)


def test_it_forgets_little_at_first():
    assert ConvLSTM(2, 3).gates.bias[3:6].tolist() == [1.0, 1.0, 1.0]
