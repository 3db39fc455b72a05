"""Checks of the players: who owns which parameters, who moves what, and whether parts of a batch add up to the whole."""

import dataclasses
from typing import Any

import torch

from allegory.checks.trial import BATCH, changed, distance, expect, listed, snapshot, start, start_exactly, tensors
from allegory.core import Player, Trained
from allegory.train import Learner, steps
from allegory.train.plan import why_not_in_pieces
from allegory.train.steps import descend, play

EXACT = 1e-10  # float64 rounding over the sums of a small net, with room


def check_ownership(method: Trained[Any]) -> None:
    """Every parameter that requires a gradient belongs to exactly one player, and every player's to the net."""
    learner = start(method)
    names = [p.name for p in learner.players]
    expect(len(set(names)) == len(names) > 0, "players with names of their own", names, "rename them")
    owners: dict[int, list[str]] = {}
    for player in learner.players:
        for _, p in player.parameters:
            owners.setdefault(id(p), []).append(player.name)
    of_net = {name: p for name, p in learner.net.named_parameters() if p.requires_grad}
    orphans = [name for name, p in of_net.items() if id(p) not in owners]
    expect(
        not orphans, "a player for every parameter", f"none for {listed(orphans)}", "give its module to a player, or requires_grad False"
    )
    shared = [f"{name} ({' and '.join(owners[id(p)])})" for name, p in of_net.items() if len(owners[id(p)]) > 1]
    expect(not shared, "one player a parameter", f"two for {listed(shared)}", "give its module to one of them")
    foreign = set(owners) - {id(p) for p in of_net.values()}
    expect(not foreign, "players that move parts of the net", f"{len(foreign)} parameters elsewhere", "register their modules on the net")


def check_own_modules(method: Trained[Any]) -> None:
    """A player's turn moves its own modules, all of them, and nothing else: no other parameter, buffer or running statistic."""
    learner = start(method)
    next(steps(learner))  # so that teachers and statistics are no longer what they began as
    for player in learner.players:
        own = owned(learner, player)
        _check_reached(learner, player)
        before = snapshot(learner.net)
        play(learner, player, 0)
        moved = changed(learner.net, before)
        stray = moved - own
        do = "detach what is not its own; move other state in `after_step`; use nets.BatchNorm"
        expect(not stray, f"{player.name!r} to move its own modules only", f"a moved {listed(stray)}", do)
        expect(bool(moved & own), f"{player.name!r} to move something", "nothing", "let its loss depend on its modules")


def owned(learner: Learner, player: Player) -> set[str]:
    """The names, in the net, of the parameters and buffers of a player's modules."""
    ids = {id(t) for module in player.modules for t in tensors(module).values()}
    return {name for name, t in tensors(learner.net).items() if id(t) in ids}


def _check_reached(learner: Learner, player: Player) -> None:
    """The loss reaches each of the player's modules."""
    parameters = [p for _, p in player.parameters]
    with learner.playing(player, 0):
        _, gradients = descend(learner, player, parameters, 0)
    nonzero = {id(p) for p, g in zip(parameters, gradients, strict=True) if bool((g != 0).any())}
    for module in player.modules:
        own = [p for p in module.parameters() if p.requires_grad]
        reached = not own or any(id(p) in nonzero for p in own)
        do = "take it from the player, or use it in the loss"
        expect(reached, f"a gradient on each module of {player.name!r}", f"none on {type(module).__name__}", do)


def check_micro_batches(method: Trained[Any]) -> None:
    """The gradient of a player that may learn in pieces is the same in pieces (float64, 1e-10 of the largest entry)."""
    learner = start_exactly(method)
    for player in [p for p in learner.players if not why_not_in_pieces(p)]:
        parameters = [p for _, p in player.parameters]
        whole = _gradient(learner, player, parameters, BATCH)
        parts = _gradient(learner, player, parameters, BATCH // 4)
        apart = max(distance(a, b) for a, b in zip(whole, parts, strict=True))
        do = "say additive=False where its loss compares examples; give `embed` rows that depend on their own example only"
        expect(apart < EXACT, f"the gradient of {player.name!r} to add up", f"a difference of {apart:.1e}", do)


def _gradient(learner: Learner, player: Player, parameters: list[torch.nn.Parameter], micro: int) -> list[torch.Tensor]:
    learner.plan = dataclasses.replace(learner.plan, micro=micro)
    with learner.playing(player, 0):
        return [torch.cat([g.flatten() for g in descend(learner, player, parameters, 0)[1]])]
