"""Quick convolutions are torch's convolutions."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from allegory.nets.conv import FEW, Conv2d, minimal


def drawn(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_minimal_filtering_by_hand():
    """A one in a corner of a 2 x 2 map shows the weights that see it: the middle one there, and its neighbours, turned around."""
    x = torch.zeros(1, 1, 2, 2, dtype=torch.float64)
    x[0, 0, 0, 0] = 1.0
    weight = torch.arange(9.0, dtype=torch.float64).view(1, 1, 3, 3)
    torch.testing.assert_close(minimal(x, weight), torch.tensor([[[[4.0, 3.0], [1.0, 0.0]]]], dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize("n", [2, 4])
def test_minimal_filtering_is_the_convolution_in_value_and_gradient(n):
    x, weight = drawn(5, 3, n, n).requires_grad_(), drawn(4, 3, 3, 3, seed=1).requires_grad_()
    ours, theirs = minimal(x, weight), F.conv2d(x, weight, padding=1)
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)
    up = drawn(5, 4, n, n, seed=2)
    for a, b in zip(torch.autograd.grad(ours, (x, weight), up), torch.autograd.grad(theirs, (x, weight), up), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("n", [2, 4])
def test_its_rounding_in_float32_is_a_few_times_that_of_a_direct_sum(n):
    """That of a direct sum is 1.5e-7 to 3e-7 of the spread, by the order in which a processor adds; a float32 has 6e-8."""
    x, weight = drawn(32, 128, n, n).relu(), drawn(128, 128, 3, 3, seed=1)
    exact = F.conv2d(x, weight, padding=1)

    def rounding(f):
        return float((f(x.float(), weight.float()) - exact).square().mean().sqrt() / exact.std())

    assert rounding(lambda a, w: F.conv2d(a, w, padding=1)) < 1e-6
    assert rounding(minimal) < 2e-6


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("n", "stride", "kernel"), [(4, 1, 3), (2, 1, 3), (4, 2, 3), (5, 1, 3), (4, 1, 1), (8, 2, 7)])
def test_the_module_is_torchs(n, stride, kernel, bias):
    torch.manual_seed(0)
    theirs = nn.Conv2d(40, 36, kernel, stride, kernel // 2, bias=bias).double()
    ours = Conv2d(40, 36, kernel, stride, kernel // 2, bias=bias).double()
    ours.load_state_dict(theirs.state_dict())
    for training in (True, False):
        for b in (FEW + 1, 2):
            x = drawn(b, 40, n, n)
            y = ours.train(training)(x)
            torch.testing.assert_close(y, theirs(x), rtol=1e-11, atol=1e-11)
            assert y.is_contiguous(memory_format=torch.channels_last)


def test_only_small_maps_of_many_examples_are_filtered_so_and_only_while_learning():
    conv = Conv2d(64, 64, 3, padding=1)
    assert conv._small(drawn(FEW + 1, 64, 4, 4))
    others = [drawn(FEW, 64, 4, 4), drawn(FEW + 1, 64, 8, 8), drawn(FEW + 1, 64, 4, 2), drawn(FEW + 1, 64, 4, 4).to("meta")]
    assert not any(conv._small(x) for x in others)
    with torch.autocast("cpu", torch.bfloat16):
        assert not conv._small(drawn(FEW + 1, 64, 4, 4))
    assert not conv.eval()._small(drawn(FEW + 1, 64, 4, 4))
    assert not Conv2d(64, 64, 3, 2, 1)._small(drawn(FEW + 1, 64, 4, 4))
    assert not Conv2d(64, 64, 3, padding=1, groups=2)._small(drawn(FEW + 1, 64, 4, 4))
    assert not Conv2d(64, 32, 3, padding=1)._small(drawn(FEW + 1, 64, 4, 4))
