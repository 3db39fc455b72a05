"""Symmetries that a card may promise (`card.laws`), each applied to the method as it is."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from allegory.checks.trial import FEW, distance, encode, expect, learned, start_exactly
from allegory.core import Batch, Method, Moment, tree
from allegory.train import Learner

EXACT = 1e-10  # float64 rounding
SINGLE = 1e-5  # float32: a sum of some thousand products in another order


def check_laws(method: Method[Any]) -> None:
    """Every symmetry that the card promises holds."""
    for law in method.card.laws:
        LAWS[law](method)


def swap_of_views(method: Any) -> None:
    """The two views of an item are interchangeable: swapping them leaves every loss as it is."""
    _unchanged(method, "views swapped", lambda batch, now: (dataclasses.replace(batch, views=batch.views[::-1]), now))


def order_of_examples(method: Any) -> None:
    """A batch is a set: its order leaves every loss as it is."""

    def turned(batch: Batch, now: Moment) -> tuple[Batch, Moment]:
        back = torch.arange(len(batch) - 1, -1, -1)
        x, views = tree.take(batch.x, back), tree.take(batch.views, back)
        y = None if batch.y is None else batch.y[back]
        pairs = None if batch.pairs is None else tree.take(batch.pairs, back)
        factors = None if batch.factors is None else batch.factors[back]
        return Batch(x, views, batch.index[back], y, pairs, factors), Moment(now.step, now.progress, now.dice.take(back))

    _unchanged(method, "the batch in another order", turned)


def _unchanged(method: Any, how: str, change: Callable[[Batch, Moment], tuple[Batch, Moment]]) -> None:
    learner: Learner = start_exactly(method)
    for player in learner.players:
        batch, now = learner.deal(player, 0)
        with learner.playing(player, 0):
            before, after = player.loss(batch, now).total.detach(), player.loss(*change(batch, now)).total.detach()
        apart = distance(before[None], after[None])
        do = "mend the loss, or take the law from the card"
        expect(apart < EXACT, f"the loss of {player.name!r} unchanged with {how}", f"a difference of {apart:.1e}", do)


def affine_code(method: Any) -> None:
    """The code of a mixture of two items is the mixture of their codes."""
    done = learned(method, FEW)
    a, b = done.x[: len(done.x) // 2], done.x[len(done.x) // 2 :]
    mixed = encode(done.method, done.net, 0.3 * a + 0.7 * b)
    apart = distance(mixed, 0.3 * encode(done.method, done.net, a) + 0.7 * encode(done.method, done.net, b))
    expect(apart < SINGLE, "an affine code", f"a difference of {apart:.1e}", "mend `encode`, or take the law from the card")


def projection(method: Any) -> None:
    """Reconstructing a reconstruction changes nothing: decode(encode(.)) is a projection."""
    done = learned(method, FEW)
    once = _reconstructed(done, done.x)
    apart = distance(once, _reconstructed(done, once))
    expect(apart < SINGLE, "reconstructions that stay", f"a difference of {apart:.1e}", "mend `decode`, or take the law from the card")


def _reconstructed(done: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        out: Tensor = done.method.decode(done.net, encode(done.method, done.net, x))
    return out


LAWS: dict[str, Callable[[Any], None]] = {
    "swap of views": swap_of_views, "order of examples": order_of_examples, "affine code": affine_code, "projection": projection,
}  # fmt: skip
