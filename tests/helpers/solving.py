"""Solved methods at work on some rows, in float64, without a source."""

import torch
from helpers.observations import Observations

from allegory.core import Dice


def solved(method, x):
    """(net, codes of the rows) of a method that has seen `x`."""
    items = Observations(torch.as_tensor(x).double())
    net = method.build(items.spec, len(items)).double()
    method.prepare(net, items, Dice.roll(0, 0, torch.arange(0)))
    return net, method.encode(net, items.x).numpy()


def up_to_signs(a, b):
    """`a` with the signs of its columns as in `b`."""
    sign = ((a * b).sum(0) >= 0) * 2.0 - 1.0
    return a * sign
