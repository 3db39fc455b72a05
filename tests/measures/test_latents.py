import math

import pytest
import torch

from allegory import measures


def test_kl_per_latent_by_hand():
    """Latent 0: mean 1 and 3, variance 1: (1/2 + 9/2) / 2 = 2.5. Latent 1: mean 0, sigma^2 = e: (e - 1 - 1) / 2 (sigma as e: another)."""
    mean = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    log_variance = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    got = measures.kl_per_latent(mean, log_variance)
    assert got.tolist() == pytest.approx([2.5, (math.e - 2) / 2], rel=1e-6)


def test_active_units_by_hand():
    mean = torch.tensor([[0.0, 5.0, 0.0], [1.0, 5.0, 0.1]])  # variances 0.25, 0 (a large constant is not active), 0.0025
    assert measures.active_units(mean).tolist() == [True, False, False]
    assert measures.active_units(mean, threshold=0.002).tolist() == [True, False, True]
