"""PIRL on codes whose angles are known, the memory's step by hand, and what the views show."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.contrastive.pirl import PIRL
from allegory.views import InPieces, WholeAndPatches

SPEC = Array((2, 2, 2))
TAU = 0.5


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def images(*degrees):
    """Pictures of one colour whose two channels are a code at that angle."""
    return at(*degrees).view(-1, 2, 1, 1).expand(-1, 2, 2, 2)


def net_of(method, remembered, turn=0.0):
    """The encoder gives a picture's colour, f leaves it, g takes the first of four patches and turns it by an angle."""
    net = method.build(SPEC, len(remembered)).double()
    net.body, net.head, net.piece = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Identity(), nn.Identity()
    net.body.any_size = True
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    net.g = linear([[c, -s, *[0.0] * 6], [s, c, *[0.0] * 6]])
    net.bank.codes.copy_(at(*remembered))
    return net


def nce(own, others):
    """-log h_0 - sum log(1 - h_j) for angles to the own memory and to the others'."""
    e = [math.exp(math.cos(math.radians(d)) / TAU) for d in (own, *others)]
    return -math.log(e[0] / sum(e)) - sum(math.log(1 - x / sum(e)) for x in e[1:])


def method_of(**said):
    return PIRL(tau=TAU, projection=2, grid=2, **said)


def patches(*degrees):
    """Four patches a picture; the first has the angle."""
    first = images(*degrees)[:, None]
    return torch.cat([first, torch.zeros_like(first).expand(-1, 3, -1, -1, -1)], 1)


def test_the_loss_by_hand():
    """Three items remembered at 10, 100 and 250 degrees. The first is seen at 0, its patches at 20 and turned by 30 to 50.

    Its memory moves half way, to 5. The image: 5 from that, 100 and 110 from the others. The patches: 45, 50 and 160. lambda .25 weighs
    the patches.
    """
    method = method_of(lam=0.25)
    (player,) = method.players(net_of(method, (10, 100, 250), turn=30))
    x = images(0)
    loss = player.loss(batch(x, InPieces(x, patches(20))), moment(1))
    image, pieces = nce(5, (100, 110)), nce(45, (50, 160))
    assert loss.terms["image"].item() == pytest.approx(image, abs=1e-9)
    assert loss.terms["patches"].item() == pytest.approx(pieces, abs=1e-9)
    assert loss.total.item() == pytest.approx(0.25 * pieces + 0.75 * image, abs=1e-9)
    swapped, summed = 0.75 * pieces + 0.25 * image, pieces + image
    assert min(abs(loss.total.item() - wrong) for wrong in (swapped, summed)) > 0.1


def test_the_mean_over_the_batch_and_the_memory_of_the_right_item():
    """The items at 0 and 90 degrees will be remembered at 5 and 95: each is told from the other there and, as older nets saw it, at 10
    or 100, and from the third at 250.
    """
    method = method_of()
    (player,) = method.players(net_of(method, (10, 100, 250)))
    x = images(0, 90)
    loss = player.loss(batch(x, InPieces(x, patches(0, 90))), moment(2)).terms["image"]
    assert loss.item() == pytest.approx((nce(5, (95, 100, 110)) + nce(5, (85, 80, 160))) / 2, abs=1e-9)


def test_negatives_are_drawn_from_the_memory_and_never_the_item_itself():
    """One negative out of two items: the item itself, drawn by chance, is left out, and then there is nothing to tell it from."""
    method = method_of(negatives=1)
    (player,) = method.players(net_of(method, (10, 100)))
    x = images(0)
    seen = InPieces(x, patches(0))
    found = [player.loss(batch(x, seen), moment(1, seed=seed)).terms["image"].item() for seed in range(20)]
    alone, both = 0.0, nce(5, (100,))
    assert {min((alone, both), key=lambda v: abs(v - f)) for f in found} == {alone, both}
    assert all(min(abs(f - alone), abs(f - both)) < 1e-9 for f in found)


def test_the_memory_moves_to_the_image_not_to_its_patches_and_carries_no_gradient():
    """keep .75, from 0 towards 90 degrees: (.75, .25), on the circle. Others stay."""
    method = method_of(keep=0.75)
    (player,) = method.players(net := net_of(method, (0, 180)))
    x = images(90)
    loss = player.loss(batch(x, InPieces(x, patches(200))), moment(1))
    assert not loss.memo["f"].requires_grad
    assert net.bank.codes.tolist() == at(0, 180).tolist()
    method.after_step(net, moment(0), {"encoder": loss.memo})
    assert net.bank.codes[0].tolist() == pytest.approx([0.75 / math.hypot(0.75, 0.25), 0.25 / math.hypot(0.75, 0.25)])
    assert net.bank.codes[1].tolist() == at(180)[0].tolist()


def test_an_item_seen_for_the_first_time_is_remembered_as_it_is_and_without_gradient():
    """Its patches, 40 degrees away, move themselves alone; another item that was never seen stands at a cosine of 0."""
    method = method_of()
    net = net_of(method, (0, 0), turn=40)
    net.bank.codes.zero_()
    net.head = linear([[1.0, 0.0], [0.0, 1.0]])
    (player,) = method.players(net)
    x = images(70)
    loss = player.loss(batch(x, InPieces(x, patches(70))), moment(1)).terms["patches"]
    assert loss.item() == pytest.approx(nce(40, (90,)), abs=1e-9)
    to_head, to_g = torch.autograd.grad(loss, [net.head.weight, net.g.weight], allow_unused=True)
    assert to_head is None
    assert to_g.norm() > 0.1


def test_a_new_net_remembers_nothing():
    assert method_of().build(SPEC, 5).bank.codes.abs().sum() == 0


def test_running_statistics_are_those_of_whole_pictures():
    """White patches leave no trace in what the encoder keeps of pictures that are black."""
    method, spec = PIRL(), Array((1, 10, 10))
    net = method.build(spec, 8).train()
    (player,) = method.players(net)
    black, white = torch.zeros(8, 1, 10, 10), torch.ones(8, 9, 1, 3, 3)
    player.loss(batch(black, InPieces(black, white)), moment(8))
    means = [b for name, b in net.body.named_buffers() if name.endswith("running_mean")]
    assert means
    assert all(b.abs().max() == 0 for b in means[:1])
    assert net.body.training


def test_the_spread_of_the_memory_is_1_where_it_fills_the_circle():
    method = method_of()
    (player,) = method.players(net_of(method, tuple(range(0, 360, 10))))
    x = images(0)
    assert player.loss(batch(x, InPieces(x, patches(0))), moment(1)).terms["memory_spread"].item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("encoder", ["default", "mlp", "convnet-group"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_encoder_and_channels(encoder, channels):
    """An encoder of one size sees the patches stretched."""
    method, spec = PIRL(encoder=encoder), Array((channels, 10, 10))
    net = method.build(spec, 8)
    x = torch.randn(8, *spec.shape, generator=torch.Generator().manual_seed(0))

    class Upright:
        mirror = False

    shown = method.resolved(spec, Upright).views
    assert isinstance(shown, WholeAndPatches)
    (player,) = method.players(net)
    loss = player.loss(batch(x, shown(x, moment(8).dice)), moment(8))
    assert loss.total.isfinite()
    assert player.embed is not None


def test_the_code_is_that_of_the_whole_picture_below_the_heads():
    method = method_of()
    net = net_of(method, (0, 90))
    net.head = linear([[0.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(method.encode(net, images(25, 70)), at(25, 70))
