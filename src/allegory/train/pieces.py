"""A batch that is larger than memory, in pieces: the gradient is that of the whole."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from allegory.core import Batch, Loss, Moment, Player, tree

Parameters = Sequence[torch.nn.Parameter]


def gradient(total: Tensor, parameters: Parameters) -> list[Tensor]:
    """d total / d parameters; a parameter that the loss does not touch has gradient zero.

    Each is laid out in memory like its parameter: compiled graphs give others, and torch's fused optimisers on CPU then update the
    wrong entries without a word.
    """
    found = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    return [g if g.stride() == p.stride() else torch.empty_like(p).copy_(g) for g, p in zip(found, parameters, strict=True)]


def added(player: Player, batch: Batch, now: Moment, parameters: Parameters, size: int) -> tuple[Loss, list[Tensor]]:
    """For an additive loss: the mean of the pieces' losses and gradients, weighted by their sizes."""
    parts: list[Loss] = []
    shares: list[float] = []
    gradients = [torch.zeros_like(p) for p in parameters]
    for part, then in _pieces(batch, now, size):
        share = len(part) / len(batch)
        loss = player.loss(part, then)
        for total, g in zip(gradients, gradient(loss.total, parameters), strict=True):
            total.add_(g, alpha=share)
        parts.append(Loss(loss.total.detach(), {k: v.detach() for k, v in loss.terms.items()}, loss.memo))
        shares.append(share)
    return _join(parts, shares), gradients


def cached(player: Player, batch: Batch, now: Moment, parameters: Parameters, size: int) -> tuple[Loss, list[Tensor]]:
    """For a loss that compares the examples: gradient caching (Gao et al. 2021, arXiv:2101.06983, section 3.2).

    One pass without a graph gives what is compared; the loss of the whole batch gives the gradient at each row of it; a second pass,
    piece by piece, takes that down to the parameters. Exact where a row's embedding depends on that row alone.
    """
    assert player.embed is not None and player.loss_of is not None, "the plan lets no other player do with pieces"
    with torch.no_grad():
        whole = tree.cat([player.embed(part, then) for part, then in _pieces(batch, now, size)])
    compared = tree.map(lambda leaf: leaf.detach().requires_grad_(leaf.is_floating_point()), whole)
    loss = player.loss_of(compared, batch, now)
    rows = [leaf for leaf in tree.leaves(compared) if leaf.requires_grad]
    found = torch.autograd.grad(loss.total, [*rows, *parameters], allow_unused=True, materialize_grads=True)
    above, gradients = found[: len(rows)], [torch.empty_like(p).copy_(g) for p, g in zip(parameters, found[len(rows) :], strict=True)]
    start = 0
    for part, then in _pieces(batch, now, size):
        embedded = [leaf for leaf in tree.leaves(player.embed(part, then)) if leaf.is_floating_point()]
        given = [g[start : start + len(part)] for g in above]
        live = [(leaf, g) for leaf, g in zip(embedded, given, strict=True) if leaf.requires_grad]
        more = torch.autograd.grad([z for z, _ in live], parameters, [g for _, g in live], allow_unused=True, materialize_grads=True)
        for total, g in zip(gradients, more, strict=True):
            total.add_(g)
        start += len(part)
    return Loss(loss.total.detach(), {k: v.detach() for k, v in loss.terms.items()}, loss.memo), gradients


def _pieces(batch: Batch, now: Moment, size: int) -> list[tuple[Batch, Moment]]:
    slices = [slice(start, start + size) for start in range(0, len(batch), size)]
    return [(_rows(batch, rows), Moment(now.step, now.progress, now.dice.take(rows))) for rows in slices]


def _rows(batch: Batch, rows: slice) -> Batch:
    def part(x: Any) -> Any:
        return None if x is None else tree.take(x, rows)

    return Batch(part(batch.x), part(batch.views), batch.index[rows], part(batch.y), part(batch.pairs), part(batch.factors))


def _join(parts: list[Loss], shares: list[float]) -> Loss:
    total = torch.stack([p.total * s for p, s in zip(parts, shares, strict=True)]).sum()
    terms = {k: torch.stack([p.terms[k] * s for p, s in zip(parts, shares, strict=True)]).sum() for k in parts[0].terms}
    memo = None if parts[0].memo is None else tree.cat([p.memo for p in parts])
    return Loss(total, terms, memo)
