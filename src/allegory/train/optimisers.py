"""Optimisers by name. Norm gains, biases and positions are neither decayed nor (LARS) adapted."""

import torch
from torch import nn

from allegory.core import Optim, Player
from allegory.train.lars import LARS


def make(player: Player, optim: Optim) -> torch.optim.Optimizer:
    """The optimiser of one player, over its parameters in their fixed order."""
    assert optim.lr is not None and optim.weight_decay is not None and optim.momentum is not None and optim.betas is not None
    groups = _groups(player, optim.weight_decay, optim.name == "lars")
    if optim.name == "sgd":
        return torch.optim.SGD(groups, lr=optim.lr, momentum=optim.momentum, fused=True)
    if optim.name == "lars":
        return LARS(groups, lr=optim.lr, momentum=optim.momentum)
    return torch.optim.AdamW(groups, lr=optim.lr, betas=optim.betas, fused=True)


def _groups(player: Player, decay: float, adapts: bool) -> list[dict[str, object]]:
    """The weights before the rest; as one where nothing tells them apart, since every group costs a call."""
    weights: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, p in player.parameters:
        (rest if _spared(name, p) else weights).append(p)
    if decay == 0.0 and not adapts:
        return [{"params": weights + rest, "weight_decay": 0.0}]
    groups: list[dict[str, object]] = [{"params": weights, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0, "adapt": False}]
    return [g for g in groups if g["params"]]


def _spared(name: str, p: nn.Parameter) -> bool:
    return p.ndim <= 1 or "position" in name or "token" in name


def set_rate(optimiser: torch.optim.Optimizer, lr: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = lr
