"""Which labelled items a reader learns from, which it is chosen and calibrated by, and which it is measured on, once.

With enough labelled validation items the parts of the source are taken as they are. With fewer, the labelled items of the training and
the validation part are cross-validated: each is told by readers that have not seen it, nor its group, nor its duplicates.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from allegory.adapting.target import Target
from allegory.core import Problem
from allegory.data import Part, Source
from allegory.data.hashing import keys_of

MOST: dict[Part, int] = {"train": 60_000, "validation": 10_000, "test": 20_000}  # bounds memory and time whatever the size of the source
ENOUGH = 100  # validation items to choose and to calibrate by; of classes, 2 for each at least
FOLDS = 5
Index = Int[np.ndarray, " i"]


@dataclass(frozen=True, eq=False)
class Split:
    """`folds`: (items to learn from, items to be told); together the latter are `held`. `final`: what the chosen reader learns from."""

    folds: tuple[tuple[np.ndarray, np.ndarray], ...]
    final: np.ndarray
    test: np.ndarray
    how: str

    @property
    def held(self) -> np.ndarray:
        """The items that are told by readers which have not seen them, in the order of the folds."""
        return np.concatenate([held for _, held in self.folds])

    @property
    def crossed(self) -> bool:
        """Whether there are folds, and so readers beside the final one."""
        return len(self.folds) > 1

    @property
    def rows(self) -> np.ndarray:
        """All items of the split."""
        return np.unique(np.concatenate([self.final, self.held, self.test]))


def split(source: Source, target: Target, seed: int = 0) -> Split:
    """By the parts of the source. Raises `Problem` when the labelled items that may be learned from do not suffice."""
    train, validation, test = (_some(source.part(part)[target.known[source.part(part)]], MOST[part]) for part in MOST)
    kinds = len(target.task.names) if target.task.kind == "class" else 1
    if len(validation) >= max(ENOUGH, 2 * kinds) and len(train) >= 2 and not _only_in(validation, train, target):
        how = f"chosen and calibrated on the {len(validation):,} labelled items of the validation part"
        return Split(((train, validation),), _told_apart(train, target), test, how)
    both = np.sort(np.concatenate([train, validation]))
    return crossed(both, target, source, test, seed, f", as only {len(validation)} validation items are labelled")


def crossed(
    index: Index, target: Target, source: Source, test: Index | None = None, seed: int = 0, why: str = "", most: int = FOLDS
) -> Split:
    """Cross-validation within the items at `index`, which the final reader learns from."""
    _told_apart(index, target)
    keys = source.item_keys if source.groups is None else keys_of(source.groups)
    apart, first, member = np.unique(keys[index], return_index=True, return_inverse=True)
    n = min(most, len(apart))
    if n < 2:
        raise Problem(f"{target.task.name!r}: the {len(index)} labelled items are one item or group; label more of them")
    order = np.random.default_rng([seed, 7]).permutation(len(apart))
    if target.task.kind == "class":  # every fold gets its share of every class
        order = order[np.argsort(target.values[index][first][order], kind="stable")]
    fold = np.empty(len(apart), dtype=np.int64)
    fold[order] = np.arange(len(apart)) % n
    parts = tuple((index[fold[member] != i], index[fold[member] == i]) for i in range(n))
    how = f"chosen and calibrated by {n}-fold cross-validation within {len(index):,} labelled items{why}"
    return Split(parts, index, index[:0] if test is None else test, how)


def _some(index: Index, most: int) -> Index:
    """At most `most` of the item numbers, evenly spaced."""
    return index if len(index) <= most else index[np.linspace(0, len(index) - 1, most).astype(np.int64)]


def _only_in(one: Index, other: Index, target: Target) -> bool:
    """Whether `one` has a class that `other` lacks."""
    return target.task.kind == "class" and bool(set(target.values[one].tolist()) - set(target.values[other].tolist()))


def _told_apart(index: Index, target: Target) -> Index:
    """The items, if something can be learned from them. Raises `Problem` otherwise."""
    name, values = target.task.name, target.values[index]
    if len(index) < 2:
        raise Problem(f"{name!r}: {len(index)} labelled items outside the test part; label at least 2, better 5 of every class")
    if target.task.kind != "multi-label" and len(np.unique(values)) < 2:
        raise Problem(f"{name!r}: the {len(index)} labelled items outside the test part are of one class or alike; label others too")
    return index
