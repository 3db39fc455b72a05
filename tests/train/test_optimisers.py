"""Optimisers by name; norm gains, biases and positions are not decayed."""

import pytest
import torch
from torch import nn

from allegory.core import DEFAULT, Optim, Player
from allegory.nets import BatchNorm
from allegory.train import optimisers
from allegory.train.lars import LARS


class Net(nn.Module):
    """One parameter of each kind, all ones."""

    def __init__(self):
        super().__init__()
        self.linear, self.norm = nn.Linear(2, 2), BatchNorm(2)
        self.position = nn.Parameter(torch.ones(3, 2))
        with torch.no_grad():
            for p in self.parameters():
                p.fill_(1.0)


@pytest.mark.parametrize("name", ["adamw", "sgd", "lars"])
def test_only_weights_decay(name):
    """With gradients of zero one step at rate .1 and decay .5 leaves weights at 1 - .05 and everything else at 1."""
    net = Net()
    player = Player("a", (net,), lambda batch, now: None)
    optimiser = optimisers.make(player, Optim(name=name, lr=0.1, weight_decay=0.5).over(DEFAULT))
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    optimiser.step()
    left = {n: round(float(p.detach().flatten()[0]), 6) for n, p in net.named_parameters()}
    assert left == {"linear.weight": 0.95, "linear.bias": 1.0, "norm.weight": 1.0, "norm.bias": 1.0, "position": 1.0}


def test_kinds_and_rates():
    player = Player("a", (Net(),), lambda batch, now: None)
    kinds = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD, "lars": LARS}
    for name, kind in kinds.items():
        optimiser = optimisers.make(player, Optim(name=name).over(DEFAULT))
        assert type(optimiser) is kind
        optimisers.set_rate(optimiser, 0.25)
        assert [g["lr"] for g in optimiser.param_groups] == [0.25, 0.25]


def test_without_decay_one_group_holds_all_in_the_same_order():
    """Checkpoints name parameters by their place, so it may not depend on the decay."""
    net = Net()

    def groups(name: str, decay: float) -> list[list[torch.Tensor]]:
        found = optimisers.make(Player("a", (net,), lambda batch, now: None), Optim(name=name, weight_decay=decay).over(DEFAULT))
        return [group["params"] for group in found.param_groups]

    (whole,), parted, adapted = groups("adamw", 0.0), groups("adamw", 0.1), groups("lars", 0.0)
    assert [id(p) for p in whole] == [id(p) for group in parted for p in group] == [id(p) for group in adapted for p in group]
    assert len(parted) == len(adapted) == 2
