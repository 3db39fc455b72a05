import math

import numpy as np
import pytest
import torch

from allegory.measures.equivariance import movement, residual


def test_movement_by_hand():
    """Codes 0, 2, 4: mean squared distance of two of them 2 * 8 / 2 = 8. Moves of 2, 0 and -4: 4/8, 0, 16/8."""
    z = torch.tensor([[0.0], [2], [4]])
    assert movement(z, torch.tensor([[2.0], [2], [0]])).tolist() == [0.5, 0.0, 2.0]
    assert math.isnan(float(movement(torch.ones(3, 2), torch.ones(3, 2)).mean()))


def test_a_permuted_code_moves_by_one():
    rng = np.random.default_rng(0)
    z = torch.as_tensor(rng.normal(size=(2000, 6)) + 5)
    assert float(movement(z, z[torch.as_tensor(rng.permutation(2000))]).mean()) == pytest.approx(1.0, abs=0.05)


def test_linear_maps_are_lawful_and_others_are_not():
    rng = np.random.default_rng(1)
    z = torch.as_tensor(rng.normal(size=(400, 5)) * 7 + 3)
    turn = torch.as_tensor(np.linalg.qr(rng.normal(size=(5, 5)))[0])
    assert float(residual(z, z @ turn + 2.0).mean()) < 1e-6
    assert float(movement(z, z @ turn + 2.0).mean()) > 0.1
    noise = torch.as_tensor(rng.normal(size=(400, 5)))
    assert float(residual(z, noise).mean()) == pytest.approx(1.0, abs=0.05)
    assert float(residual(z, (z - z.mean(0)) ** 2).mean()) > 0.8  # a function of z, but no linear one
    half = math.sqrt(0.5) * (z - z.mean(0)) / z.std(0) + math.sqrt(0.5) * noise
    assert float(residual(z, half).mean()) == pytest.approx(0.5, abs=0.05)


def test_more_numbers_than_items_and_one_number():
    rng = np.random.default_rng(2)
    wide = torch.as_tensor(rng.normal(size=(20, 100)))
    assert 0.5 < float(residual(wide, torch.as_tensor(rng.normal(size=(20, 100)))).mean()) < 1.5
    one = torch.as_tensor(rng.normal(size=(50, 1)))
    assert float(residual(one, -one).mean()) < 1e-6
