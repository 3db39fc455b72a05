"""The memory bank's moving average and the queue's rows by hand."""

import math

import numpy as np
import pytest
import torch
from checks.planted import Linear
from helpers.toys import vectors

from allegory import train
from allegory.nets import BatchNorm, MemoryBank, Queue, at_rest
from allegory.train import Settings


def test_a_step_by_hand():
    """From east, keep .75, towards north (of any length): (.75, .25), made a unit vector again; other rows stay."""
    bank = MemoryBank(3, 2).double()
    bank.codes.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]]))
    z, norm = torch.tensor([[0.0, 7.0]], requires_grad=True), math.hypot(0.75, 0.25)
    asked = bank.moved(torch.tensor([1]), z, 0.75)
    assert asked.tolist() == [pytest.approx([0.75 / norm, 0.25 / norm])]
    assert bank.codes[1].tolist() == [1.0, 0.0]
    bank.update(torch.tensor([1]), z, 0.75)
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


def test_the_queue_replaces_the_oldest_by_hand():
    """Three places; two codes, then two more: the second of these takes the first place again."""
    queue = Queue(3, 2).double()
    east, north, west, south = torch.tensor([[5.0, 0.0], [0.0, 3.0], [-2.0, 0.0], [0.0, -1.0]], dtype=torch.float64)
    queue.push(torch.stack([east, north]))
    assert int(queue.at) == 2
    queue.push(torch.stack([west, south]).requires_grad_())
    torch.testing.assert_close(queue.codes, torch.tensor([[0.0, -1.0], [0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64))
    assert int(queue.at) == 1
    assert not queue.codes.requires_grad


def test_of_a_batch_larger_than_the_queue_the_last_stay():
    queue = Queue(2, 2)
    queue.push(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    torch.testing.assert_close(queue.codes, torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))


def test_the_nearest_is_by_cosine_and_carries_no_gradient():
    queue = Queue(3, 2)
    queue.codes.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-0.6, 0.8]]))
    z = torch.tensor([[1.0, 0.9], [-30.0, 20.0]], requires_grad=True)
    nearest = queue.nearest(z)
    assert torch.equal(nearest, queue.codes[[0, 2]])
    assert not nearest.requires_grad


def test_the_queue_is_made_of_buffers():
    queue = Queue(5, 8)
    torch.testing.assert_close(queue.codes.norm(dim=1), torch.ones(5))
    assert list(queue.state_dict()) == ["codes", "at"]
    assert not list(queue.parameters())


def test_at_rest_uses_running_statistics_and_leaves_the_modes():
    source = vectors()
    _, net, items = train.begin(Linear(), source, Settings(device="cpu"), np.arange(len(source)))
    body = torch.nn.Sequential(net.f, BatchNorm(net.f.out_features))
    body.train()[1].eval()
    z = at_rest(body, items, size=7)
    with torch.no_grad():
        torch.testing.assert_close(z, net.f(items.whole()) / (1 + 1e-5) ** 0.5)  # mean 0 and variance 1, as it began
    assert (body.training, body[0].training, body[1].training) == (True, True, False)
    assert int(body[1].num_batches_tracked) == 0
    index = torch.tensor([5, 3, 11])
    torch.testing.assert_close(at_rest(body, items, index, size=2), z[index])
    assert at_rest(body.double(), items).dtype == torch.float64
