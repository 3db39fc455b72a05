import pytest
import torch

from allegory.measures.separation import amari_index


def test_by_hand():
    """Beside the largest of its row, and of its column: 2 / 4 and 1 / 4, 1 / 4 and 2 / 4; over 2 n (n - 1) = 4."""
    assert amari_index(torch.tensor([[4.0, 2.0], [-1.0, 4.0]])) == pytest.approx((1 / 2 + 1 / 4 + 1 / 4 + 1 / 2) / 4)


def test_order_sign_and_scale_do_not_matter_and_an_even_mixture_is_the_worst():
    assert amari_index(torch.tensor([[0.0, -3.0, 0.0], [0.0, 0.0, 0.1], [7.0, 0.0, 0.0]])) == pytest.approx(0.0)
    assert amari_index(torch.tensor([[1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, -1.0]])) == pytest.approx(1.0)
