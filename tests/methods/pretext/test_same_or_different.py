"""Same or different, with a relation that is known."""

import math

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.pretext.same_or_different import SameOrDifferent


def net_of(method, relation):
    """f and g change nothing; the relation is linear in (|u - v|, u v)."""
    net = method.build(Array((2,)), 4)
    net.net.body, net.net.head, net.relation = linear([[1.0, 0.0], [0.0, 1.0]]), nn.Identity(), linear([relation])
    return net


def test_the_loss_by_hand():
    """Log-odds of "two" are |u1 - v1| - u2 v2. First views (1, 1) and (3, 0), second (1, 2) and (0, 1).

    Same: (1,1)-(1,2): -2; (3,0)-(0,1): 3. Different: (1,1)-(0,1): 1 - 1 = 0; (3,0)-(1,2): 2.
    """
    method = SameOrDifferent(projection=2)
    net = net_of(method, [1.0, 0.0, 0.0, -1.0])
    (player,) = method.players(net)
    first = torch.tensor([[1.0, 1.0], [3.0, 0.0]], dtype=torch.float64)
    second = torch.tensor([[1.0, 2.0], [0.0, 1.0]], dtype=torch.float64)
    loss = player.loss(batch(first, (first, second)), moment(2))
    soft = lambda x: math.log(1 + math.exp(x))
    expected = ((soft(-2) + soft(3)) / 2 + (soft(0) + soft(-2)) / 2) / 2
    assert loss.total.item() == pytest.approx(expected, abs=1e-9)
    assert loss.terms["cross_entropy"] is loss.total
    assert loss.terms["accuracy"].item() == pytest.approx((1 / 2 + 1 / 2) / 2)
    back = player.loss(batch(first, (second, first)), moment(2)).total.item()
    assert back == pytest.approx(expected, abs=1e-12), "the order of the two views cannot matter"


def test_both_parts_learn_and_the_code_is_below_the_head():
    method = SameOrDifferent(projection=2)
    net = net_of(method, [1.0, 0.5, 0.2, -1.0])
    (player,) = method.players(net)
    assert len(player.parameters) == len(list(net.parameters()))
    net.net.head = linear([[0.0, 0.0], [0.0, 0.0]])
    x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    torch.testing.assert_close(method.encode(net, x), x)
