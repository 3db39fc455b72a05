"""Siamese networks on codes whose distances are known; and what all of the metric family shares."""

import numpy as np
import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array, ByClass
from allegory.methods.metric.siamese import Siamese
from allegory.views import mild

Y = torch.tensor([0, 0, 1])


def points(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def net_of(method):
    """f doubles, g halves: distances stay."""
    net = method.build(Array((2,)), 4)
    net.body, net.head = linear([[2.0, 0.0], [0.0, 2.0]]), linear([[0.5, 0.0], [0.0, 0.5]])
    return net


def test_the_loss_by_hand():
    """Classmates 5 apart; the third is 3 and 4 from them. Margin 4: 25/2 + mean(1/2, 0) = 12.75."""
    method = Siamese(margin=4.0)
    (player,) = method.players(net_of(method))
    loss = player.loss(batch(points([0, 0], [3, 4], [3, 0]), y=Y), moment(3))
    assert loss.total.item() == pytest.approx(12.5 + (0.5 + 0.0) / 2, abs=1e-9)
    assert loss.terms["contrastive"] is loss.total


def test_the_code_is_the_embedding_above_the_head():
    method = Siamese()
    net = net_of(method)
    net.head = linear([[1.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(method.encode(net, points([3, 4])), points([6, 0]))
    assert isinstance(Siamese(depth=0).build(Array((2,)), 4).head, nn.Identity)


def test_several_views_of_an_item_are_items_of_its_class():
    """Two views an item: 0, 1 and 5, 6, of two classes. Similar pairs are 1 apart; dissimilar 5, 6, 4, 5, with a margin of 5.5."""
    method = Siamese(margin=5.5)
    (player,) = method.players(net_of(method))
    shown = (points([0, 0], [5, 0]), points([1, 0], [6, 0]))
    loss = player.loss(batch(shown[0], shown, y=torch.tensor([0, 1])), moment(2))
    assert loss.total.item() == pytest.approx(0.5 + (0.25 + 0 + 2.25 + 0.25) / 4 / 2, abs=1e-9)


def test_batches_are_by_class_and_views_mild():
    source = type("Source", (), {"mirror": False})()
    method = Siamese(k=3).resolved(Array((1, 8, 8), levels=17), source)
    assert method.batching == ByClass(3)
    assert method.views == mild(Array((1, 8, 8), levels=17))


def test_large_batches_pass_in_pieces():
    """Exactly, where the net has no batch statistics: then the player has what gradient caching needs."""
    method = Siamese(encoder="mlp-plain")
    (player,) = method.players(method.build(Array((4,)), 4).double())
    x = torch.as_tensor(np.random.default_rng(0).normal(size=(6, 4)))
    z = player.embed(batch(x), moment(6))
    assert z.shape == (6, 1, method.projection)
    y = torch.tensor([0, 0, 1, 1, 2, 2])
    torch.testing.assert_close(player.loss_of(z, batch(x, y=y), moment(6)).total, player.loss(batch(x, y=y), moment(6)).total)
