"""The memory bank's moving average by hand."""

import math

import torch

from allegory.nets import MemoryBank


def test_a_step_by_hand():
    """From east, keep .75, towards north (of any length): (.75, .25), made a unit vector again; other rows stay."""
    bank = MemoryBank(3, 2).double()
    bank.codes.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]]))
    bank.update(torch.tensor([1]), torch.tensor([[0.0, 7.0]], requires_grad=True), 0.75)
    norm = math.hypot(0.75, 0.25)
    expected = torch.tensor([[0.0, 1.0], [0.75 / norm, 0.25 / norm], [-1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(bank.codes, expected)
    assert not bank.codes.requires_grad


def test_recall_gives_rows_in_the_order_asked_and_a_copy():
    bank = MemoryBank(4, 3)
    index = torch.tensor([2, 0])
    remembered = bank.recall(index)
    assert torch.equal(remembered, bank.codes[[2, 0]])
    before = remembered.clone()
    bank.update(index, torch.ones(2, 3), 0.0)
    assert torch.equal(remembered, before)
    assert not torch.equal(bank.recall(index), before)


def test_the_bank_is_a_buffer_of_unit_vectors_that_saves_and_no_parameter():
    bank = MemoryBank(5, 8)
    torch.testing.assert_close(bank.codes.norm(dim=1), torch.ones(5))
    assert list(bank.state_dict()) == ["codes"]
    assert not list(bank.parameters())
    assert (bank.codes @ bank.codes.T - torch.eye(5)).abs().max() < 0.999  # directions of their own


def test_a_zero_code_leaves_the_direction():
    bank = MemoryBank(1, 4)
    before = bank.codes.clone()
    bank.update(torch.tensor([0]), torch.zeros(1, 4), 0.5)
    torch.testing.assert_close(bank.codes, before)
