"""CMC on projections whose angles are known, on channels and on the parts of an observation."""

import math

import numpy as np
import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

import allegory as al
from allegory.core import Array, Parts
from allegory.data import Source
from allegory.methods.contrastive.cmc import CMC
from allegory.views import Channels, Compose

TWO = Parts({"sound": Array((2,)), "sight": Array((2,))})


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def net_of(method, spec=TWO):
    """Encoders that double, heads that turn all senses alike by 90 degrees: neither changes a cosine."""
    net = method.build(spec, 4)
    for f in net.encoders:
        f.body, f.head = linear([[2.0, 0.0], [0.0, 2.0]]), linear([[0.0, -1.0], [1.0, 0.0]])
    return net


def test_the_loss_by_hand():
    """Sounds at 0 and 90 degrees, sights at 0 and 60, tau 1/2; cosines over tau are 2, 1 and 0, c = 2 cos 30.

    From sound: log(1 + e^(1-2)) and log(1 + e^-c); from sight: log(1 + e^-2) and log(1 + e^(1-c)). Means, and their sum.
    """
    method = CMC(tau=0.5)
    net = net_of(method)
    (player,) = method.players(net)
    seen = {"sound": at(0, 90), "sight": at(0, 60)}
    loss = player.loss(batch(seen), moment(2))
    c, log = 2 * math.cos(math.radians(30)), lambda d: math.log(1 + math.exp(-d))
    assert loss.total.item() == pytest.approx((log(1) + log(c)) / 2 + (log(2) + log(c - 1)) / 2, abs=1e-9)
    assert loss.terms["nce"] is loss.total
    swapped = player.loss(batch({"sound": at(0, 90), "sight": at(60, 0)}), moment(2))
    assert swapped.total.item() > loss.total.item() + 1.0


def test_the_code_is_that_of_all_senses_below_their_heads():
    method = CMC()
    net = net_of(method)
    for f in net.encoders:
        f.head = linear([[0.0, 0.0]] * 2)
    torch.testing.assert_close(method.encode(net, {"sight": at(60), "sound": at(0)}), torch.cat([2 * at(0), 2 * at(60)], 1))


def test_three_senses_are_compared_in_all_pairs():
    spec = Parts({name: Array((2,)) for name in "abc"})
    method = CMC(tau=0.5)
    net = net_of(method, spec)
    (player,) = method.players(net)
    seen = {"a": at(0, 90), "b": at(0, 90), "c": at(0, 90)}
    one = math.log(1 + math.exp(-2))  # the partner's cosine is 1, the other's 0
    assert player.loss(batch(seen), moment(2)).total.item() == pytest.approx(6 * one, abs=1e-9)


@pytest.mark.parametrize(("channels", "groups", "wanted"), [(1, 2, [1, 1]), (3, 2, [1, 2]), (3, 3, [1, 1, 1]), (5, 2, [3, 2])])
def test_images_are_split_by_channel(channels, groups, wanted):
    spec = Array((channels, 8, 8), levels=256)
    method = CMC(groups=groups).resolved(spec, type("Source", (), {"mirror": False})())
    assert isinstance(method.views, Compose)
    assert method.views.views[-1] == Channels(groups)
    net = method.build(spec, 4)
    x = torch.rand(4, channels, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    shown = method.views(x, moment(4).dice)
    assert [shown[name].shape[1] for name in net.names] == wanted
    (player,) = method.players(net)
    assert player.loss(batch(x, shown), moment(4)).total.isfinite()
    assert len(player.parameters) == len(list(net.parameters()))
    assert method.encode(net, x).shape == (4, sum(f.body.out for f in net.encoders))
    assert all(isinstance(f.head[-1], nn.Linear) for f in net.encoders)


def test_it_learns_from_parts_by_the_front_door():
    """Images whose brightness is the pose: finding the partner becomes easier than by chance, log 16 each way."""
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(64, 3)).astype(np.float32)
    image = np.clip(128 + 60 * pose[:, :1, None, None] + rng.normal(0, 5, (64, 1, 8, 8)), 0, 255).astype(np.uint8)
    source = Source("scenes", Parts({"image": Array((1, 8, 8), levels=256), "pose": Array((3,))}), {"image": image, "pose": pose})
    rep = al.learn(source, CMC(projection=8), steps=30, batch=16)
    z = rep.encode(source)
    assert z.shape == (64, sum(f.body.out for f in rep.net.encoders))
    seen = rep.intake({name: torch.as_tensor(part[:16]) for name, part in source.x.items()})
    with torch.no_grad():
        loss = rep.method.loss(rep.method.embedded(rep.net, batch(seen), moment(16)), batch(seen), moment(16)).total
    assert loss.item() < 0.8 * 2 * math.log(16)
