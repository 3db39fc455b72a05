"""Raster order, and convolutions of ranked channels."""

import torch

from allegory import nets
from allegory.nets.gated import GatedLayer, gated
from allegory.nets.masked import InOrder
from allegory.nets.raster import laid_out


def test_raster_order_is_by_rows_then_columns_then_channels():
    x = torch.arange(12).view(1, 2, 3, 2)  # red 0 .. 5, green 6 .. 11
    assert nets.raster(x).tolist() == [[0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]]
    assert torch.equal(nets.picture(nets.raster(x), (2, 3, 2)), x)


def test_what_is_said_is_laid_out_as_likelihoods_read_it():
    """Two numbers said of each of 2 x 1 x 2: channels are number 0 of both colours, then number 1."""
    said = torch.tensor([[[0.0, 0.5], [1.0, 1.5], [2.0, 2.5], [3.0, 3.5]]])  # of red and green of the first pixel, then the second
    assert laid_out(said, (2, 1, 2)).tolist() == [[[[0.0, 2.0]], [[1.0, 3.0]], [[0.5, 2.5]], [[1.5, 3.5]]]]


def test_ranked_channels_see_those_before_them():
    before, own = torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1, 2])
    for itself, expected in ((True, [[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]), (False, [[0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 1, 0]])):
        conv = InOrder(before, own, 2, itself)
        assert conv.seen[:, :, 0, 1].int().tolist() == expected and bool(conv.seen[:, :, 0, 0].all())
        assert conv(torch.zeros(1, 3, 4, 5)).shape == (1, 4, 4, 4)
        assert "seen" not in conv.state_dict()


def test_later_gated_layers_have_a_way_around_the_horizontal_stack_only():
    torch.manual_seed(0)
    own = torch.zeros(3, dtype=torch.int64)
    layer, stacks = GatedLayer(own, own, 3, first=False), torch.randn(2, 6, 4, 5)
    with torch.no_grad():
        layer.merge.weight.zero_()
        layer.merge.bias.zero_()
        vertical, horizontal = layer(stacks).chunk(2, dim=1)
        assert torch.equal(horizontal, stacks[:, 3:])
        row = layer.vertical(torch.nn.functional.pad(stacks[:, :3, 1:3], (1, 1)))  # of row 2, from it and the one above
        torch.testing.assert_close(vertical[:, :, 2:3], gated(row))
