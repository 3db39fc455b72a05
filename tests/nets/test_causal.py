"""Summaries of what came before see nothing of what comes after; maps and codes agree; nets of series."""

import pytest
import torch

from allegory import nets
from allegory.core import Array, Misuse

H, W = 5, 4


def reach(net, i, j):
    """Which places (h, w) of the input the output at (i, j) depends on."""
    z = torch.randn(1, H, W, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(net(z)[0, i, j].square().sum(), z)
    return grad[0].abs().sum(2) > 0


@pytest.mark.parametrize("make", [lambda: nets.RowsAbove(3, 32, blocks=5), lambda: nets.DownColumns(3, 8)], ids=["above", "gru"])
def test_a_place_knows_its_row_and_those_above_only(make):
    torch.manual_seed(0)
    net = make().double()
    seen = reach(net, 2, 1)
    assert not seen[3:].any(), "nothing from below"
    assert seen[:3, 1].all(), "all of the column above, and the place itself"
    others = seen[:, [0, 2, 3]]
    assert others[:2].any() == isinstance(net, nets.RowsAbove), "convolutions look sideways too, a column does not"
    assert net(torch.zeros(2, H, W, 3, dtype=torch.float64)).shape == (2, H, W, net.out)


def test_rows_above_reach_one_row_a_block():
    torch.manual_seed(0)
    seen = reach(nets.RowsAbove(3, 32, blocks=2).double(), 4, 1)
    assert seen[2:, 1].all() and not seen[:2].any()


def test_columns_do_not_meet_in_the_gru():
    torch.manual_seed(0)
    net, z = nets.DownColumns(3, 8), torch.randn(2, H, W, 3)
    torch.testing.assert_close(net(z)[:, :, 2:3], net(z[:, :, 2:3]))


@pytest.mark.parametrize("name", ["convnet", "convnet-plain", "convnet-group", "resnet18"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 20)])
def test_maps_go_from_fine_to_coarse_and_end_in_the_code(name, shape):
    torch.manual_seed(0)
    net = nets.encoder(name, Array(shape)).eval()
    x = torch.randn(2, *shape)
    maps = net.maps(x)
    assert [tuple(m.shape[1:]) for m in maps] == net.map_shapes(shape)
    sizes = [m.shape[2] * m.shape[3] for m in maps]
    assert len(sizes) >= 3 and sizes == sorted(set(sizes), reverse=True)
    assert all((m >= 0).all() for m in maps), "after the last ReLU of their size"
    torch.testing.assert_close(net.read(maps[-1]), net(x))


def test_shapes_of_maps_move_no_statistics():
    net = nets.encoder("convnet", Array((1, 8, 8))).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    assert net.map_shapes((1, 8, 8)) == [(32, 8, 8), (64, 4, 4), (128, 2, 2)]
    assert net.training and all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_nets_without_maps_say_so():
    with pytest.raises(Misuse, match=r"MLP gives no maps .* such as convnet"):
        nets.encoder("mlp", Array((1, 8, 8))).maps(torch.zeros(1, 1, 8, 8))


@pytest.mark.parametrize("name", ["default", *nets.OF_SERIES])
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 7), (1, 256), (3, 1000)])
def test_nets_of_series_read_any_length(name, shape):
    torch.manual_seed(0)
    net = nets.encoder(name, Array(shape))
    assert isinstance(net, nets.Wave)
    y = net(torch.randn(4, *shape))
    assert y.shape == (4, net.out) and y.isfinite().all()
    if shape[1] > 1:
        grads = torch.autograd.grad((y * torch.randn_like(y)).sum(), list(net.parameters()))
        assert all(g.abs().max() > 0 for g in grads)


def test_a_net_of_series_is_of_series():
    with pytest.raises(Misuse, match=r"'wave' reads series \(c, t\); these are images 1 x 8 x 8"):
        nets.encoder("wave", Array((1, 8, 8)))
    with pytest.raises(Misuse, match=r"reads images"):
        nets.encoder("convnet", Array((1, 8)))
    assert isinstance(nets.encoder("mlp", Array((2, 8))), nets.MLP)
    assert not nets.has_batch_statistics(nets.encoder("default-group", Array((2, 8))))
