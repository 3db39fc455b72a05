"""Batches and moments to call a loss with, outside the loop."""

import torch

from allegory.core import Batch, Dice, Moment, tree


def batch(x, views=None, y=None):
    """A batch of `x`; the views are `x` itself unless given."""
    n = tree.length(x)
    return Batch(x, x if views is None else views, torch.arange(n), y)


def moment(n, progress=0.0, step=0, seed=0):
    """A moment of a batch of n examples."""
    return Moment(step, progress, Dice.roll(seed, step, torch.arange(n)))


def linear(rows, bias=None):
    """A linear map in float64 with these weights."""
    weight = torch.tensor(rows, dtype=torch.float64)
    module = torch.nn.Linear(weight.shape[1], weight.shape[0]).double()
    with torch.no_grad():
        module.weight.copy_(weight)
        module.bias.copy_(torch.zeros(len(weight)) if bias is None else torch.tensor(bias, dtype=torch.float64))
    return module
