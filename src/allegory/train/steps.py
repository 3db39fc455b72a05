"""The loop. For each player and turn: the gradient of its loss with respect to its own parameters, then its own optimiser.

    for tick in steps(learner):
        ...                       # the caller logs, asks, saves, stops

No freezing and no leaks: `torch.autograd.grad` moves nothing but what is named, so a VAE, a GAN, a critic, a teacher and an
energy model share this file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from allegory.core import Loss, Player
from allegory.train import pieces
from allegory.train.distribution import average_over_processes, of_all_processes
from allegory.train.learner import Learner
from allegory.train.plan import rate


@dataclass(frozen=True, eq=False)
class Tick:
    """A finished step: its number (1 for the first), and what was reported, by "player/term"."""

    step: int
    terms: Mapping[str, Tensor]


def steps(learner: Learner) -> Iterator[Tick]:
    """Learns until the plan's last step. The learner's state between two ticks is whole: it may be saved, and taken up again."""
    while learner.step < learner.plan.steps:
        terms: dict[str, Tensor] = {}
        memos: dict[str, Any] = {}
        for player in learner.players:
            for turn in range(player.turns):
                loss = play(learner, player, turn)
                terms |= {f"{player.name}/{name}": value for name, value in loss.terms.items()}
            terms[f"loss/{player.name}"] = loss.total
            memos[player.name] = of_all_processes(loss.memo)
        now = learner.moment()
        learner.method.after_step(learner.net, now, memos)
        learner.step += 1
        if learner.step % learner.plan.log_every == 0 or learner.step == learner.plan.steps:
            learner.guard.look()
        if learner.step % learner.method.every == 0:
            learner.method.refresh(learner.net, learner.items, now)
        yield Tick(learner.step, {k: v.detach() for k, v in terms.items()})


def play(learner: Learner, player: Player, turn: int) -> Loss:
    """One turn of one player: one update of its parameters."""
    parameters = learner.parameters[player.name]
    with learner.playing(player, turn):
        loss, gradients = descend(learner, player, parameters, turn)
    average_over_processes(gradients)
    learner.guard.check(player, learner.step, loss, gradients, learner.optimisers[player.name])
    optim = learner.plan.optims[player.name]
    if optim.clip:
        clip(gradients, optim.clip)
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g
    learner.update(player, rate(optim, (learner.step + 0.5) / learner.plan.steps))
    return loss


def descend(learner: Learner, player: Player, parameters: list[torch.nn.Parameter], turn: int) -> tuple[Loss, list[Tensor]]:
    """The loss of a turn and its gradient, at once or in pieces."""
    batch, now = learner.deal(player, turn)
    micro = max(1, learner.plan.micro * len(batch) // learner.plan.batch)
    if micro >= len(batch):
        loss = player.loss(batch, now)
        return loss, pieces.gradient(loss.total, parameters)
    return (pieces.added if player.additive else pieces.cached)(player, batch, now, parameters, micro)


def clip(gradients: list[Tensor], most: float) -> None:
    """Scales all gradients together so that their joint norm is at most `most`."""
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    factor = torch.clamp(most / (norm + 1e-12), max=1.0)
    for g in gradients:
        g.mul_(factor)
