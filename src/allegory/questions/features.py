"""The codes of all items, computed once and handed to every question."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class CodeSet:
    """The codes (n, z) of the method or of a control, one tensor for each training seed; and, where it can encode anew, the codes of
    two views of the same items."""

    seeds: tuple[Float[Tensor, "n z"], ...]
    pairs: tuple[tuple[Float[Tensor, "m z"], Float[Tensor, "m z"]], ...] | None = None


@dataclass(frozen=True, eq=False)
class Features:
    """`sets` by control, the method itself under None; `labels` (n,) with -1 where missing; `parts`: item numbers.

    `data` names the items, their labels and their parts; `seed` draws labels and resamplings; `viewed` counts the items of the pairs.
    """

    sets: Mapping[str | None, CodeSet]
    labels: Int[Tensor, " n"]
    names: tuple[str, ...]
    parts: Mapping[str, Int[Tensor, " p"]]
    data: str
    seed: int = 0
    viewed: int = 0

    @property
    def classes(self) -> int:
        return len(self.names)

    @property
    def widest(self) -> int:
        """The largest number of numbers a code has."""
        return max(z.shape[1] for codes in self.sets.values() for z in codes.seeds)

    def labelled(self, part: str) -> Int[Tensor, " p"]:
        """The item numbers of a part's labelled items."""
        index = self.parts[part]
        return index[self.labels[index] >= 0]

    def class_sizes(self, part: str) -> Int[Tensor, " k"]:
        """How many labelled items of each class a part has."""
        return torch.bincount(self.labels[self.labelled(part)], minlength=self.classes)

    def why_no_probe(self) -> str:
        """Why classes cannot be probed here; "" when they can."""
        if not self.names or not (self.labels >= 0).any():
            return "there are no labels"
        if int((self.class_sizes("train") > 0).sum()) < 2:
            return "the labelled training items are of one class only" if len(self.labelled("train")) else "no training item has a label"
        return "" if len(self.labelled("test")) else "no test item has a label"


def evenly(index: Int[Tensor, " p"], most: int) -> Int[Tensor, " q"]:
    """At most `most` of the item numbers, evenly spaced."""
    if len(index) <= most:
        return index
    if most <= 0:
        return index[:0]
    return index[torch.linspace(0, len(index) - 1, most, dtype=torch.float64).long()]
