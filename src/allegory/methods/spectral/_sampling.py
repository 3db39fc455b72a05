"""Stochastic descent along the edges of a graph: an edge comes as often as it weighs, and each time some strangers are pushed away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Dice
from allegory.measures.affinities import Edges
from allegory.objectives.fuzzy import clipped
from allegory.objectives.sums import scattered

Factor = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Sampling:
    """`epochs`, in each of which the heaviest edge comes once; `rate` falls to 0; `strangers` an edge. An epoch is cut into `parts`,
    within which all slopes are taken at the same places: few enough edges a place that their sum does not overshoot."""

    epochs: int
    rate: float = 1.0
    strangers: int = 5
    parts: int = 4

    def due(self, w: Float[Tensor, " e"], dice: Dice) -> Iterator[list[Int[Tensor, " m"]]]:
        """For each epoch the edges of its parts. Edge e comes at equal intervals, from a moment of its own on."""
        pace = w.double() / w.max().double()
        phase = dice.rows(len(w)).uniform("phase").double()
        for epoch in range(self.epochs):
            done = pace * epoch + phase
            coming = done.floor() + 1.0
            chosen = (coming <= done + pace).nonzero()[:, 0]
            moment = ((coming - done)[chosen] / pace[chosen] * self.parts).long().clamp_(max=self.parts - 1)
            order = moment.argsort(stable=True)
            yield list(chosen[order].split(torch.bincount(moment, minlength=self.parts).tolist()))


def sampled(y: Float[Tensor, "z n"], edges: Edges, pull: Factor, push: Factor, plan: Sampling, dice: Dice) -> Float[Tensor, "z n"]:
    """The places after all epochs. `pull` and `push`: factors of the difference of two places, for the square of its length."""
    heavy = (edges.w >= edges.w.max() / plan.epochs).nonzero()[:, 0]  # others would not come once
    i, j = edges.i[heavy], edges.j[heavy]
    for epoch, parts in enumerate(plan.due(edges.w[heavy], dice)):
        rate = plan.rate * (1.0 - epoch / plan.epochs)
        for part, chosen in enumerate(parts):
            head, tail = i[chosen], j[chosen]
            away = dice.split(epoch).split(part).rows(len(chosen)).integers("away", y.shape[1], plan.strangers)
            y = y - rate * _slope(y, head, tail, away, pull, push)
    return y


def _slope(
    y: Float[Tensor, "z n"], head: Int[Tensor, " m"], tail: Int[Tensor, " m"], away: Int[Tensor, "m s"], pull: Factor, push: Factor
) -> Float[Tensor, "z n"]:
    """Of the terms of some edges, and of their heads with strangers; every term's is clipped by itself."""
    here, there, strangers = (y.index_select(1, index.flatten()) for index in (head, tail, away))
    apart = here - there
    near = clipped(apart * pull(apart.square().sum(0)))
    gap = here[:, :, None] - strangers.view(len(y), *away.shape)
    far = clipped(gap * push(gap.square().sum(0))).sum(2)
    n = y.shape[1]
    return torch.stack([scattered(n, head, own + other) - scattered(n, tail, own) for own, other in zip(near, far, strict=True)])
