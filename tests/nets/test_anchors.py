"""Codes of new items among those that are kept."""

import torch

from allegory.nets import Anchors


def test_modes_are_continued_by_their_eigenvalue_of_either_sign_and_faint_ones_are_not():
    net = Anchors(2, (1,), 3).double()
    net.keep(x=torch.tensor([[0.0], [1.0]]), z=torch.tensor([[1.0, 1.0, 1.0], [3.0, 3.0, 3.0]]), values=torch.tensor([0.5, -0.5, 0.05]))
    w, index = torch.tensor([[0.5, 0.5]]).double(), torch.tensor([[0, 1]])
    assert net.continued(w, index).tolist() == [[4.0, -4.0, 2.0]]
