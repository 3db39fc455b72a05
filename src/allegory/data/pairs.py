"""Weak pairs: for an item another one that shares most of what made it, or its group. Nothing says what is shared."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from allegory.core import Dice, Problem
from allegory.data.items import Items
from allegory.data.source import Factors, Source

TRIES = 16  # partners may fall into another part of the data; an item that finds none so often is its own


@dataclass(frozen=True, eq=False)
class FactorPairs:
    """Partners that differ in `differ` of the factors that vary; None draws 1 to all but one of them for each pair.

    `values` (n, f) of the items, `sizes` (f,), `number` (product of sizes,) the item at each grid point, -1 where there is none.
    """

    values: Int[Tensor, "n f"]
    sizes: Int[Tensor, " f"]
    number: Int[Tensor, " grid"]
    differ: int | None

    @staticmethod
    def of(factors: Factors, items: Items, differ: int | None) -> "FactorPairs":
        """Raises `Problem` where fewer than two factors vary, or not more than are to differ."""
        varying = [i for i, size in enumerate(factors.sizes) if size > 1]
        if len(varying) < 2 or (differ is not None and not 1 <= differ < len(varying)):
            raise Problem(f"pairs that differ in {differ or 'some'} factors need more that vary; here {len(varying)} do")
        values = torch.as_tensor(factors.values[items.index][:, varying])
        sizes = torch.tensor([factors.sizes[i] for i in varying])
        number = torch.full((int(sizes.prod()),), -1)
        number[_places(values, sizes)] = torch.arange(len(values))
        values, sizes, number = (t.to(items.device) for t in (values, sizes, number))
        return FactorPairs(values, sizes, number, differ)

    def partners(self, index: Int[Tensor, " b"], dice: Dice) -> Int[Tensor, " b"]:
        """The number of a partner of each item."""
        own, f = self.values[index], self.values.shape[1]
        found = torch.full_like(index, -1)
        for attempt in range(TRIES):
            now = dice.split(attempt)
            count = self.differ or 1 + now.integers("differ", f - 1)[:, None]
            changes = now.permutation("which", f) < count
            step = 1 + (now.uniform("by", f) * (self.sizes - 1)).long().clamp_max(self.sizes - 2)
            moved = torch.where(changes, (own + step) % self.sizes, own)
            found = torch.where(found < 0, self.number[_places(moved, self.sizes)], found)
        return torch.where(found < 0, index, found)


@dataclass(frozen=True, eq=False)
class GroupPairs:
    """Partners out of the same group, the item itself only where there is no other. `order` (n,) has the items group by group; `first`,
    `size`, `place` (n,): where an item's group begins in it, how many items it has, and which of them this one is."""

    order: Int[Tensor, " n"]
    first: Int[Tensor, " n"]
    size: Int[Tensor, " n"]
    place: Int[Tensor, " n"]

    @staticmethod
    def of(group: Int[Tensor, " n"]) -> "GroupPairs":
        """From the number of each item's group."""
        order = torch.argsort(group, stable=True)
        counts = torch.bincount(group)
        first, size = (counts.cumsum(0) - counts)[group], counts[group]
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order), device=order.device)
        return GroupPairs(order, first, size, rank - first)

    def partners(self, index: Int[Tensor, " b"], dice: Dice) -> Int[Tensor, " b"]:
        """The number of a partner of each item."""
        size, place = self.size[index], self.place[index]
        step = 1 + (dice.uniform("by") * (size - 1)).long()
        return self.order[self.first[index] + (place + torch.minimum(step, size - 1)) % size]


def pairs_of(source: Source, items: Items, differ: int | None) -> FactorPairs | GroupPairs:
    """What `source` knows of pairs among `items`: from its factors, else from its groups. Raises `Problem` where it knows neither."""
    if source.factors is not None:
        return FactorPairs.of(source.factors, items, differ)
    if source.groups is None:
        raise Problem(f"{source.name} has no pairs: bring items with factors (sprites), or groups of items that share something (--groups)")
    return GroupPairs.of(torch.as_tensor(source.group_numbers[items.index], device=items.device))


def _places(values: Int[Tensor, "n f"], sizes: Int[Tensor, " f"]) -> Int[Tensor, " n"]:
    """The number of each grid point, the last factor running fastest."""
    strides = torch.cat([sizes, sizes.new_ones(1)])[1:].flip(0).cumprod(0).flip(0)
    return (values * strides).sum(1)
