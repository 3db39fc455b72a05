"""Values and gradients of two ways to write one formula."""

import numpy as np
import torch


def generic(*shape, seed=0):
    """Float64 numbers without any symmetry, that require a gradient."""
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True)


def value_and_gradients(f, *inputs):
    """f(*inputs) summed, and its gradient with respect to every input (zeros where there is none)."""
    total = f(*inputs).sum()
    return total.detach(), torch.autograd.grad(total, inputs, allow_unused=True, materialize_grads=True)


def assert_same(ours, theirs, *inputs, tolerance=1e-9):
    """The same value and gradients, to rounding in float64."""
    (a, da), (b, db) = value_and_gradients(ours, *inputs), value_and_gradients(theirs, *inputs)
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
    for x, y in zip(da, db, strict=True):
        torch.testing.assert_close(x, y, rtol=tolerance, atol=tolerance)


def assert_other(ours, wrong, *inputs, least=1e-3):
    """A tempting wrong formula gives another number on these inputs."""
    assert abs(ours(*inputs).sum().item() - wrong(*inputs).sum().item()) > least
