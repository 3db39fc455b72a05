"""The codes of all items, computed once and handed to every question."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Problem, Tree
from allegory.data import Factors, Source
from allegory.questions.encoders import Encoder
from allegory.representation import Representation


@dataclass(frozen=True, eq=False)
class Subject:
    """What one training seed of the method, or a control, gave: what a question measures.

    `who`: None for the method itself, else the control; `seed`: the number of the training seed, from 0; `z` (n, z): the codes of the
    gathered items; `pair`: the codes of two views of some test items; `encoder` encodes other observations (None when the codes came as
    an array); `rep` is the whole model where it is one (the method, the untrained network, the supervised ceiling).
    """

    who: str | None
    seed: int
    z: Float[Tensor, "n z"]
    pair: tuple[Float[Tensor, "m z"], Float[Tensor, "m z"]] | None = None
    encoder: Encoder | None = None
    rep: Representation | None = None

    def can(self, name: str) -> bool:
        """Whether it can decode, sample ... (`core.capabilities`); "encode" asks whether other observations can be encoded."""
        if name == "encode":
            return self.encoder is not None
        return self.rep is not None and name in self.rep.can()


@dataclass(frozen=True, eq=False)
class CodeSet:
    """The codes (n, z) of the method or of a control, one tensor for each training seed; and, where they are there, the codes of two
    views of the same items, the encoders and the models, by training seed as well."""

    seeds: tuple[Float[Tensor, "n z"], ...]
    pairs: tuple[tuple[Float[Tensor, "m z"], Float[Tensor, "m z"]], ...] | None = None
    encoders: tuple[Encoder, ...] = ()
    reps: tuple[Representation, ...] = ()

    def subjects(self, who: str | None) -> Iterator[Subject]:
        """One a training seed."""
        for i, z in enumerate(self.seeds):
            pair = self.pairs[i] if self.pairs else None
            encoder = self.encoders[i] if self.encoders else None
            yield Subject(who, i, z, pair, encoder, self.reps[i] if self.reps else None)


@dataclass(frozen=True, eq=False)
class Features:
    """`sets` by control, the method itself under None; `labels` (n,) with -1 where missing; `parts`: item numbers.

    `data` names the items, their labels and their parts; `seed` draws labels and resamplings; `viewed` counts the items of the pairs.
    `source` is where the items come from, `rows` (n,) their numbers there; `factors` are those of the gathered items.
    """

    sets: Mapping[str | None, CodeSet]
    labels: Int[Tensor, " n"]
    names: tuple[str, ...]
    parts: Mapping[str, Int[Tensor, " p"]]
    data: str
    seed: int = 0
    viewed: int = 0
    source: Source | None = None
    rows: Int[np.ndarray, " n"] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        return len(self.names)

    @property
    def widest(self) -> int:
        """The largest number of numbers a code has."""
        return max(z.shape[1] for codes in self.sets.values() for z in codes.seeds)

    def stand_ins(self, *names: str) -> dict[str, CodeSet]:
        """Blank codes of the size of the method's own, by name: for references that make no code but another answer."""
        blank = CodeSet((torch.zeros_like(self.sets[None].seeds[0]),))
        return dict.fromkeys(names, blank)

    @cached_property
    def factors(self) -> Factors | None:
        """The generative factors of the gathered items, `values` (n, f); None when they are not known."""
        if self.source is None or self.source.factors is None:
            return None
        known = self.source.factors
        return Factors(known.names, known.sizes, known.values[self._rows()])

    def stored(self, index: Int[Tensor, " q"] | Int[np.ndarray, " q"]) -> Tree:
        """The observations, as stored, of gathered items by their number here."""
        if self.source is None:
            raise Problem("these features come without their source; give one to see observations again")
        return self.source.take(self._rows()[np.asarray(index)])

    def _rows(self) -> Int[np.ndarray, " n"]:
        return np.arange(len(self)) if self.rows is None else self.rows

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
