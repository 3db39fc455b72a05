"""BatchNorm is torch's in one process, and over two processes it is one process with the whole batch."""

from unittest import mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.distributed import over_processes
from torch import nn

from allegory import nets
from allegory.core import everyone, processes, rank

SHAPES = {(6, 3): nn.BatchNorm1d, (4, 3, 5): nn.BatchNorm1d, (4, 3, 2, 5): nn.BatchNorm2d, (4, 3, 2, 3, 2): nn.BatchNorm3d}
WHOLE = 8


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pair(shape, theirs):
    """Ours and torch's with the same, not trivial, gains and shifts."""
    a, b = nets.BatchNorm(shape[1]).double(), theirs(shape[1]).double()
    with torch.no_grad():
        a.weight.copy_(random(shape[1], seed=1))
        a.bias.copy_(random(shape[1], seed=2))
    b.load_state_dict(a.state_dict())
    return a, b


def gradients(norm, x):
    x = x.clone().requires_grad_()
    y = norm(x)
    return [y, *torch.autograd.grad((y * random(*y.shape, seed=4)).sum() + y.pow(3).sum(), [x, norm.weight, norm.bias])]


@pytest.mark.parametrize(("shape", "theirs"), SHAPES.items())
def test_equals_torch_in_training_and_evaluation(shape, theirs):
    a, b = pair(shape, theirs)
    for seed in (5, 6):
        x = 2 + 3 * random(*shape, seed=seed)
        for ours, expected in zip(gradients(a, x), gradients(b, x), strict=True):
            assert torch.allclose(ours, expected, rtol=0, atol=1e-10)
    assert list(a.state_dict()) == list(b.state_dict())
    assert all(torch.allclose(v, b.state_dict()[k], rtol=0, atol=1e-10) for k, v in a.state_dict().items())
    assert a.num_batches_tracked == 2
    for ours, expected in zip(gradients(a.eval(), x), gradients(b.eval(), x), strict=True):
        assert torch.allclose(ours, expected, rtol=0, atol=1e-10)


def test_frozen_statistics_stay_while_the_batch_still_normalises():
    norm, other = nets.BatchNorm(3).double(), nets.BatchNorm(3).double()
    net = nn.Sequential(nn.Linear(3, 3).double(), norm)
    x = 5 + random(6, 3)
    before = {k: v.clone() for k, v in norm.state_dict().items()}
    with nets.frozen_statistics(net):
        with nets.frozen_statistics(norm):
            net(x)
        inside = net(x)
        other(x)
    assert all(torch.equal(v, before[k]) for k, v in norm.state_dict().items())
    assert other.num_batches_tracked == 1
    assert torch.equal(inside, net(x))
    assert torch.allclose(inside.mean(0), torch.zeros(3, dtype=torch.float64), atol=1e-12)
    assert norm.num_batches_tracked == 1


def test_statistics_move_again_after_an_error():
    norm = nets.BatchNorm(3)
    with pytest.raises(KeyError), nets.frozen_statistics(norm):
        raise KeyError
    norm(torch.randn(4, 3))
    assert norm.num_batches_tracked == 1


def test_low_precision_keeps_its_dtype_and_statistics_in_float32():
    norm = nets.BatchNorm(3)
    y = norm((100 + random(64, 3)).to(torch.bfloat16))
    assert y.dtype == torch.bfloat16
    assert norm.running_mean.dtype == torch.float32
    assert torch.allclose(norm.running_mean, torch.full((3,), 10.0), atol=0.2)


def test_without_gain_and_shift_it_is_torchs_without():
    a, b = nets.BatchNorm(3, affine=False).double(), nn.BatchNorm1d(3, affine=False).double()
    assert not list(a.parameters())
    x = random(6, 3)
    torch.testing.assert_close(a(x), b(x))
    torch.testing.assert_close(a.eval()(x), b.eval()(x))


def test_a_net_at_rest_normalises_by_the_batch_inside_batch_statistics():
    net = nn.Sequential(nets.BatchNorm(3), nn.Dropout(0.5)).double().eval()
    x = 5 + random(8, 3)
    before = [b.clone() for b in net.buffers()]
    with nets.batch_statistics(net):
        y = net(x)  # no number is dropped: only the norms wake
    torch.testing.assert_close(y.mean(0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-9)
    assert all(torch.equal(a, b) for a, b in zip(before, net.buffers(), strict=True))
    assert not any(m.training for m in net.modules())
    assert net(x).mean() > 4, "outside, by the running statistics"


def network():
    """Convolution, norms of both ranks, and a shift so that means matter. Weights from a fixed draw."""
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nets.BatchNorm(3), nn.Tanh(), nn.Flatten(), nn.Linear(27, 4), nets.BatchNorm(4), nn.Linear(4, 3)
    )  # fmt: skip
    net = net.double()
    with torch.no_grad():
        for i, p in enumerate(net.parameters()):
            p.add_(random(*p.shape, seed=i), alpha=0.3).sub_(p - 0.3 * random(*p.shape, seed=i + 50))
    return net


def info_nce(z, w):
    """Every example meets every other: the cross-entropy of finding one's partner."""
    z, w = F.normalize(z, dim=1), F.normalize(w, dim=1)
    return F.cross_entropy(z @ w.T / 0.2, torch.arange(len(z))) + F.cross_entropy(w @ z.T / 0.2, torch.arange(len(z)))


def learn(own, gather, average):
    """One pass each over two views of this process's examples, then gradients and running statistics."""
    net = network()
    views = [1 + random(WHOLE, 2, 3, 3, seed=7)[own], random(WHOLE, 2, 3, 3, seed=8)[own] + random(WHOLE, 2, 3, 3, seed=7)[own]]
    loss = info_nce(*(gather(net(v)) for v in views))
    found = [average(g) for g in torch.autograd.grad(loss, list(net.parameters()))]
    return (loss, *found, *net.buffers())


def over_two():
    half = WHOLE // processes()

    def average(g):
        torch.distributed.all_reduce(g)
        return g / processes()

    return learn(slice(rank() * half, (rank() + 1) * half), everyone, average)


def over_two_with_local_statistics():
    alone = lambda norm, x: F.batch_norm(x, None, None, norm.weight, norm.bias, True)
    with mock.patch.object(nets.BatchNorm, "_over_processes", alone):
        return over_two()


def differences(found):
    whole = learn(slice(None), lambda z: z, lambda g: g)
    return [float(np.abs(a - b.detach().numpy()).max()) for a, b in zip(found, whole, strict=True)]


def test_two_processes_equal_one_with_the_whole_batch():
    for found in over_processes(over_two):
        assert max(differences(found)) < 1e-10


def test_statistics_of_each_process_alone_would_be_noticed():
    for found in over_processes(over_two_with_local_statistics):
        assert max(differences(found)) > 1e-3
