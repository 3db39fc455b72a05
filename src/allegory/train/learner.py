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
    card says pairs, `factors` (n, f) to those whose card says factors."""

    def __init__(
        self, method: Trained[Any], net: nn.Module, items: Items, plan: Plan, labels: Tensor | None = None,
        pairs: FactorPairs | GroupPairs | None = None, factors: Tensor | None = None,
    ):  # fmt: skip
        self.method, self.net, self.items, self.plan = method, net, items, plan
        self.pairs = pairs if method.card.supervision == "pairs" else None
        self.factors = factors if method.card.supervision == "factors" else None
        self.labels = labels if method.card.supervision == "labels" else None
        self.classes = None if self.labels is None else members(self.labels.cpu().numpy())
        self.players = list(method.players(net))
        self.optimisers = {p.name: optimisers.make(p, plan.optims[p.name]) for p in self.players}
        self.guard = Guard(lags=torch.device(plan.device).type != "cpu")
        self.step = 0
        self.parameters = {p.name: [q for _, q in p.parameters] for p in self.players}
        self._modes = modes(net)
        self._norms = [m for m in net.modules() if isinstance(m, nets.BatchNorm)]
        self._own = {p.name: {m for part in p.modules for m in part.modules()} for p in self.players}
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
        views, partners = x, None
        if self.method.views is not None or self.pairs is not None:
            dice = Dice.roll(self.plan.seed, self.step, index, f"views of {player}", turn)
            if self.method.views is not None:
                with torch.no_grad():
                    views = self.method.views(x, dice)
            if self.pairs is not None:
                partners = self._seen(self.pairs.partners(index, dice.split("partners")))
        y, factors = (None if told is None else told[index] for told in (self.labels, self.factors))
        return Batch(x, views, index, y, partners, factors)

    def _seen(self, index: Tensor) -> Tree:
        """The observations at `index`, in the precision of the nets."""
        x = self.items.take(index)
        return tree.to(x, self.items.device, torch.float64) if self.plan.precision == "float64" else x

    @contextlib.contextmanager
    def playing(self, player: Player, turn: int) -> Iterator[None]:
        """Training mode (teachers stay in eval mode); running statistics move only in the owner's turn-0 pass; autocast."""
        set_modes(self._modes)
        others = [m for m in self._norms if turn or m not in self._own[player.name]]
        half = self.plan.precision == "bf16"
        lower = torch.autocast(torch.device(self.plan.device).type, torch.bfloat16) if half else contextlib.nullcontext()
        with nets.frozen_statistics(*others), lower:
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


def modes(net: nn.Module) -> list[tuple[nn.Module, bool]]:
    """Every module, and whether it is in training mode: all but teachers, whose parameters all have requires_grad False."""
    frozen = [m for m in net.modules() if next(m.parameters(), None) is not None and not any(p.requires_grad for p in m.parameters())]
    teachers = {part for m in frozen for part in m.modules()}
    return [(m, m not in teachers) for m in net.modules()]


def set_modes(known: list[tuple[nn.Module, bool]]) -> None:
    """Puts every module into its mode; whoever asked a module at rest has left it there."""
    for module, training in known:
        if module.training is not training:
            module.training = training


def members(labels: np.ndarray) -> list[np.ndarray]:
    """The items of each class that has some."""
    order = np.argsort(labels, kind="stable")
    found: list[np.ndarray] = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return found
