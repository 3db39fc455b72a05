"""What decoders give: coordinates by hand, sizes back exactly, and a code that reaches every pixel."""

import pytest
import torch

from allegory import nets
from allegory.core import Array
from allegory.nets.broadcast import coordinates
from allegory.nets.scales import scales


def test_coordinates_by_hand():
    x, y = coordinates(2, 3)
    assert x.tolist() == [[-1, 0, 1], [-1, 0, 1]]
    assert y.tolist() == [[-1, -1, -1], [1, 1, 1]]


def test_broadcast_lays_the_code_and_the_coordinates_at_every_place():
    net = nets.Broadcast((1, 2, 3), latent=2)
    met = []
    net.layers[0].register_forward_pre_hook(lambda _, inputs: met.append(inputs[0]))
    net(torch.tensor([[5.0, 7.0], [6.0, 8.0]]))
    first, second = met[0]
    assert first[:, 0, 0].tolist() == [5, 7, -1, -1]
    assert first[:, 1, 2].tolist() == [5, 7, 1, 1]
    assert second[:, 0, 1].tolist() == [6, 8, 0, -1]


@pytest.mark.parametrize("name", nets.DECODERS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 6, 9), (2, 33, 47)])
def test_every_pixel_depends_on_the_code_and_values_are_not_squashed(name, shape):
    torch.manual_seed(0)
    net = nets.decoder(name, Array(shape), 3)
    low, high = net(torch.zeros(1, 3)), net(torch.full((1, 3), 1e3))
    assert low.shape == (1, *shape)
    assert (low != high).all()
    assert high.abs().max() > 10


def test_deconv_climbs_the_sizes_that_the_encoder_met():
    net = nets.Deconv((1, 11, 30), latent=2)
    assert (net.coarsest, net.sizes) == ((128, 3, 8), [(6, 15), (11, 30)])


def test_scales_by_hand():
    assert scales(8, 8) == [(32, (8, 8)), (64, (4, 4)), (128, (2, 2))]
    assert scales(11, 30) == [(32, (11, 30)), (64, (6, 15)), (128, (3, 8))]
    assert scales(32, 28) == [(32, (16, 14)), (64, (8, 7)), (128, (4, 4))]
    assert scales(22, 23)[0] == (32, (22, 23))
    assert scales(96, 96) == [(32, (48, 48)), (64, (24, 24)), (128, (12, 12)), (256, (6, 6)), (256, (3, 3))]
