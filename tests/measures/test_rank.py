import math

import pytest
import torch

from allegory import measures


def test_effective_rank_by_hand():
    """Singular values 3 and 1: p = (3/4, 1/4), entropy = 2 log 2 - (3/4) log 3 = 0.5623 nats."""
    z = torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert measures.effective_rank(z).item() == pytest.approx(math.exp(2 * math.log(2) - 0.75 * math.log(3)), rel=1e-5)


def test_effective_rank_is_not_centred_and_uses_values_not_squares():
    z = torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    shifted = measures.effective_rank(z + torch.tensor([100.0, 0.0]))
    assert shifted.item() < 1.1 < measures.effective_rank(z).item()
    p = torch.tensor([0.9, 0.1])
    squares = math.exp(-(p * p.log()).sum().item())
    assert measures.entropy_rank(measures.spectrum(z).square()).item() == pytest.approx(squares, rel=1e-5)


def test_roy_and_vetterli_on_the_covariance():
    """Points +-(3, 0) and +-(0, 1): centred, covariance diag(4.5, 0.5); p = (.9, .1)."""
    z = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) + 7
    got = measures.entropy_rank(measures.spectrum(z, centred=True).square()).item()
    assert got == pytest.approx(math.exp(-(0.9 * math.log(0.9) + 0.1 * math.log(0.1))), rel=1e-5)


def test_ends_of_the_effective_rank():
    assert measures.effective_rank(torch.eye(5)).item() == pytest.approx(5.0, rel=1e-5)
    assert measures.effective_rank(torch.ones(6, 4)).item() == pytest.approx(1.0, abs=1e-4)
    assert measures.effective_rank(torch.zeros(6, 4)).item() == 1.0


@pytest.mark.parametrize("tall", [True, False])
def test_participation_ratio_by_hand(tall):
    """Variances 4.5 and 0.5: 25 / 20.5."""
    z = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) + 7
    z = z if tall else torch.cat([z, torch.full((4, 5), 2.0)], 1)
    assert measures.participation_ratio(z).item() == pytest.approx(25 / 20.5, rel=1e-6)
    assert measures.participation_ratio(torch.ones(4, 3)).item() == 1.0
