"""A method that is solved, on some rows."""

import torch
from helpers.observations import Observations

from allegory.core import Dice


def solved(method, x, seed=0):
    """Its net, in the precision of the rows."""
    items = Observations(x)
    net = method.build(items.spec, len(items)).to(items.x.dtype)
    method.prepare(net, items, Dice.roll(seed, 0, torch.arange(0)))
    return net


def placed(method, x, seed=0):
    """The codes of the rows that it is solved on."""
    return method.encode(solved(method, x, seed), x)


def mapped(method, x):
    """Its net in float64, and the codes of the rows as numpy."""
    x = torch.as_tensor(x).double()
    net = solved(method, x)
    return net, method.encode(net, x).numpy()


def up_to_signs(a, b):
    """`a` with the signs of its columns as in `b`."""
    return a * (((a * b).sum(0) >= 0) * 2.0 - 1.0)
