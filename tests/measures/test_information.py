import math

import numpy as np
import pytest
import torch

from allegory.measures import information
from allegory.measures.information import donsker_varadhan_bound, gaussian_critic, gaussian_information, info_nce_bound, nwj_bound


def test_bounds_by_hand():
    """e^f = ((4, 1), (2, 8)). InfoNCE: mean of log(4 / 2.5) and log(8 / 5), both log 1.6. Off the diagonal the mean of e^f is 1.5.

    NWJ: (log 4 + log 8) / 2 - 1.5 / e. Donsker and Varadhan: (log 4 + log 8) / 2 - log 1.5.
    """
    scores = torch.tensor([[4.0, 1.0], [2.0, 8.0]]).log()
    assert info_nce_bound(scores).item() == pytest.approx(math.log(1.6))
    assert nwj_bound(scores).item() == pytest.approx(2.5 * math.log(2) - 1.5 / math.e)
    assert donsker_varadhan_bound(scores).item() == pytest.approx(2.5 * math.log(2) - math.log(1.5))


def test_gaussian_critic_is_the_log_ratio_of_densities():
    rho, x, y = 0.6, torch.tensor([[0.5, -1.0]]), torch.tensor([[1.5, 0.2]])

    def log_normal(v, mean, variance):
        return -0.5 * ((v - mean) ** 2 / variance + math.log(2 * math.pi * variance))

    expected = sum(log_normal(b, rho * a, 1 - rho**2) - log_normal(b, 0.0, 1.0) for a, b in zip(x[0].tolist(), y[0].tolist(), strict=True))
    assert gaussian_critic(x, y, rho).item() == pytest.approx(expected, rel=1e-5)
    assert gaussian_information(0.6, 2) == pytest.approx(-math.log(0.64))


def pairs(n, d, rho, seed):
    rng = np.random.default_rng([seed, n])
    x, e = rng.normal(size=(2, n, d))
    return torch.as_tensor(x), torch.as_tensor(rho * x + math.sqrt(1 - rho**2) * e)


def mean_bounds(n, d, rho, batches):
    drawn = [pairs(n, d, rho, seed) for seed in range(batches)]
    scores = [gaussian_critic(x, y, rho) for x, y in drawn]
    return [torch.stack([f(s) for s in scores]).mean().item() for f in (info_nce_bound, lambda s: nwj_bound(s + 1), donsker_varadhan_bound)]


def test_all_bounds_reach_a_small_information():
    """1 nat in 4 dimensions, 20 batches of 512 pairs; the spread of the mean is about .02."""
    d, rho = 4, math.sqrt(1 - math.exp(-0.5))
    assert gaussian_information(rho, d) == pytest.approx(1.0)
    assert mean_bounds(512, d, rho, 20) == pytest.approx([1.0, 1.0, 1.0], abs=0.08)


def test_info_nce_ends_at_the_log_of_the_batch():
    """8 nats in 20 dimensions, the best critic: InfoNCE says at most log 16 = 2.77 of 16 pairs, 6.24 of 512; NWJ more."""
    d, rho = 20, math.sqrt(1 - math.exp(-0.8))
    assert gaussian_information(rho, d) == pytest.approx(8.0)
    few, many = mean_bounds(16, d, rho, 20), mean_bounds(512, d, rho, 20)
    assert math.log(16) - 0.15 < few[0] < math.log(16)
    assert math.log(512) - 0.6 < many[0] < math.log(512)
    assert many[1] > 7.0


def test_a_wrong_critic_gives_less():
    """The bilinear critic x.y lacks the norms, and a critic of the wrong sign knows less than nothing."""
    x, y = pairs(1024, 4, 0.8, 0)
    right = gaussian_critic(x, y, 0.8)
    for bound in (info_nce_bound, lambda s: nwj_bound(s + 1), donsker_varadhan_bound):
        assert bound(x @ y.T * 0.5) < bound(right)
        assert bound(-right) < 0.0


def test_constants_that_a_bound_does_not_see():
    x, y = pairs(64, 3, 0.5, 1)
    s = gaussian_critic(x, y, 0.5)
    assert info_nce_bound(s + x[:, :1] * 9).item() == pytest.approx(info_nce_bound(s).item())
    assert donsker_varadhan_bound(s + 5).item() == pytest.approx(donsker_varadhan_bound(s).item())
    assert information.nwj_bound(s + 3) < information.nwj_bound(s + 1)
