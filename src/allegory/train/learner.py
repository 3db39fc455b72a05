"""Everything that changes while learning, in one place: nets, optimisers, step."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from allegory import nets
from allegory.core import Batch, Dice, Moment, Player, Trained, Tree, processes, rank, tree
from allegory.data import FactorPairs, GroupPairs, Items
from allegory.train import optimisers
from allegory.train.finite import Guard
from allegory.train.plan import Plan


class Learner:
    """A method at work on the training items. `labels` (n,) are handed on only to methods whose card says labels, `pairs` to those whose
    card says pairs."""

    def __init__(
        self, method: Trained[Any], net: nn.Module, items: Items, plan: Plan, labels: Tensor | None = None,
        pairs: FactorPairs | GroupPairs | None = None,
    ):  # fmt: skip
        self.method, self.net, self.items, self.plan = method, net, items, plan
        self.pairs = pairs if method.card.supervision == "pairs" else None
        self.labels = labels if method.card.supervision == "labels" else None
        self.classes = None if self.labels is None else members(self.labels.cpu().numpy())
        self.players = list(method.players(net))
        self.optimisers = {p.name: optimisers.make(p, plan.optims[p.name]) for p in self.players}
        self.guard = Guard(lags=torch.device(plan.device).type != "cpu")
        self.step = 0
        self._turn_zero: tuple[int, Batch] | None = None

    @property
    def progress(self) -> float:
        return self.step / self.plan.steps

    def moment(self, batch: Batch | None = None, player: str = "", turn: int = 0) -> Moment:
        """Now. Without a batch the dice have no rows of their own: use `dice.rows(n)`."""
        index = batch.index if batch is not None else torch.empty(0, dtype=torch.int64, device=self.items.device)
        return Moment(self.step, self.progress, Dice.roll(self.plan.seed, self.step, index, player, turn))

    def deal(self, player: Player, turn: int) -> tuple[Batch, Moment]:
        """The batch of a turn, and the moment. All players of a step share the batch of turn 0."""
        if turn == 0:
            if self._turn_zero is None or self._turn_zero[0] != self.step:
                self._turn_zero = (self.step, self._draw(0))
            batch = self._turn_zero[1]
        else:
            batch = self._draw(turn, player.name)
        return batch, self.moment(batch, player.name, turn)

    def _draw(self, turn: int, player: str = "") -> Batch:
        drawn = self.method.batching.indices(len(self.items), self.plan.batch, self.plan.seed, self.step, turn, self.classes)
        own = self.plan.own
        mine = np.ascontiguousarray(drawn[rank() * own : (rank() + 1) * own]) if processes() > 1 else drawn
        index = tree.to(mine, self.items.device)
        x = self._seen(index)
        dice = Dice.roll(self.plan.seed, self.step, index, f"views of {player}", turn)
        with torch.no_grad():
            views = x if self.method.views is None else self.method.views(x, dice)
        partners = None if self.pairs is None else self._seen(self.pairs.partners(index, dice.split("partners")))
        return Batch(x, views, index, None if self.labels is None else self.labels[index], partners)

    def _seen(self, index: Tensor) -> Tree:
        """The observations at `index`, in the precision of the nets."""
        x = self.items.take(index)
        return tree.to(x, self.items.device, torch.float64) if self.plan.precision == "float64" else x

    @contextlib.contextmanager
    def playing(self, player: Player, turn: int) -> Iterator[None]:
        """Training mode (teachers stay in eval mode); running statistics move only in the owner's turn-0 pass; autocast."""
        set_modes(self.net)
        own = {m for part in player.modules for m in part.modules()} if turn == 0 else set()
        others = [m for m in self.net.modules() if isinstance(m, nets.BatchNorm) and m not in own]
        kind = torch.device(self.plan.device).type
        with nets.frozen_statistics(*others), torch.autocast(kind, torch.bfloat16, enabled=self.plan.precision == "bf16"):
            yield

    def update(self, player: Player, lr: float) -> None:
        """One step of the player's optimiser with the gradients that were put on its parameters; they are taken off again."""
        optimiser = self.optimisers[player.name]
        optimisers.set_rate(optimiser, lr)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def compiled(net: nn.Module) -> None:
    """Has every part of the net compiled at its first call."""
    for child in net.children():
        child.compile()


def set_modes(net: nn.Module) -> None:
    """Training mode, except for teachers: modules whose parameters all have requires_grad False."""
    net.train()
    for module in net.modules():
        if next(module.parameters(), None) is not None and not any(p.requires_grad for p in module.parameters()):
            module.eval()


def members(labels: np.ndarray) -> list[np.ndarray]:
    """The items of each class that has some."""
    order = np.argsort(labels, kind="stable")
    found: list[np.ndarray] = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return found
