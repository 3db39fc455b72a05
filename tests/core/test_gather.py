"""The two functions by which processes reach each other: values, and gradients by the averaging rule."""

import numpy as np
import pytest
import torch
from helpers.distributed import over_processes

from allegory.core import batch_mean, everyone, processes, rank

B, D = 3, 4


def data(rows=2 * B):
    return torch.randn(rows, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def mine(x):
    return x[rank() * B : (rank() + 1) * B]


def coupled(gather, mean, x, w):
    """A loss in which every example meets every other and the mean of all: InfoNCE-like, of the whole global batch."""
    z = x @ w
    z = gather(z - mean(z.square()))
    return torch.logsumexp(z @ z.T - 9.0 * torch.eye(len(z), dtype=z.dtype), 1).mean() - z.square().sum(1).mean()


def averaged_gradient(gather, mean):
    """What the engine does: every process computes the global loss, gradients are averaged."""
    w = torch.eye(D, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(coupled(gather, mean, mine(data()), w), w)
    torch.distributed.all_reduce(g)
    return g / processes()


def values():
    x = mine(data())
    return everyone(x), batch_mean(x), everyone(mine(torch.arange(2 * B))), processes(), rank()


def right():
    return averaged_gradient(everyone, batch_mean)


def detached_gather():
    def own_slice_only(z):
        others = everyone(z.detach())
        return torch.cat([others[: rank() * B], z, others[(rank() + 1) * B :]])

    return averaged_gradient(own_slice_only, batch_mean)


def detached_mean():
    return averaged_gradient(everyone, lambda v: batch_mean(v.detach()))


def local_mean():
    return averaged_gradient(everyone, lambda v: v.mean(0))


def in_one_process():
    w = torch.eye(D, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(coupled(lambda z: z, lambda v: v.mean(0), data(), w), w)
    return g.numpy()


def test_one_process_is_the_identity():
    x = data()
    assert (processes(), rank()) == (1, 0)
    assert everyone(x) is x
    assert torch.equal(batch_mean(x), x.mean(0))


def test_values_in_example_order_the_same_everywhere():
    for i, (rows, mean, numbers, n, which) in enumerate(over_processes(values)):
        assert np.array_equal(rows, data().numpy())
        assert np.allclose(mean, data().mean(0).numpy(), atol=1e-15)
        assert np.array_equal(numbers, np.arange(2 * B))
        assert (n, which) == (2, i)


def test_averaged_gradients_are_those_of_one_process():
    for g in over_processes(right):
        assert np.abs(g - in_one_process()).max() < 1e-12


@pytest.mark.parametrize("bug", [detached_gather, detached_mean, local_mean])
def test_planted_bugs_are_noticed(bug):
    for g in over_processes(bug):
        assert np.abs(g - in_one_process()).max() > 1e-3
