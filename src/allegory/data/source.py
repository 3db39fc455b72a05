"""Observations, with whatever is known about them. A source knows its fingerprint and its parts; it never augments."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from allegory.core import Problem, Spec, Tree, tree

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
SHARES = (0.7, 0.1, 0.2)
CHUNK = 4096


class Lazy(Protocol):
    """An array made on demand: rendered, decoded or read from disk. `keys()` names the content without making it."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __len__(self) -> int: ...

    def __getitem__(self, index: np.ndarray) -> np.ndarray: ...

    def keys(self) -> np.ndarray:
        """(n,) uint64, equal only for equal items."""
        ...


@dataclass(frozen=True, eq=False)
class Labels:
    """Class numbers, -1 where a label is missing, and the names of the classes."""

    values: np.ndarray
    names: tuple[str, ...]

    @property
    def known(self) -> np.ndarray:
        """(n,) bool."""
        return self.values >= 0

    def listed(self) -> list[str | None]:
        """The label of every item by name; a missing one is None."""
        return [self.names[v] if v >= 0 else None for v in self.values]


@dataclass(frozen=True, eq=False)
class Factors:
    """Exactly known generative factors: `values` (n, f) int64 below `sizes`."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    values: np.ndarray


@dataclass(frozen=True)
class Column:
    """A column of a table: numbers, or categories by name."""

    name: str
    kind: Literal["number", "category"] = "number"
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """An item that could not be used, and why."""

    id: str
    reason: str


@dataclass(frozen=True, eq=False)
class Source:
    """`x` is a tree whose leaves (numpy arrays, memory maps or `Lazy`) have the n items on the leading axis, as stored (uint8 pixels).

    `mirror`: a left-right flip keeps an image's meaning. `groups`: items of one group stay in one part. `parts` (n,) 0, 1, 2: the
    source's own split. `notes`: what was understood, for people. `columns`: for tables, what the axis of the vectors means.
    """

    name: str
    spec: Spec
    x: Tree
    labels: Labels | None = None
    factors: Factors | None = None
    groups: Sequence[str] | None = None
    parts: np.ndarray | None = None
    ids: Sequence[str] | None = None
    columns: tuple[Column, ...] = ()
    keys: np.ndarray | None = None
    mirror: bool = False
    notes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return tree.length(self.x)

    def take(self, index: np.ndarray | slice) -> Tree:
        """The stored observations at `index`, as numpy arrays."""
        rows = np.arange(len(self))[index]
        return tree.map(lambda leaf: np.asarray(leaf[rows]), self.x)

    def id(self, i: int) -> str:
        """The name of item i: its path, its id, or its number."""
        return str(self.ids[i]) if self.ids is not None else str(i)

    @cached_property
    def item_keys(self) -> np.ndarray:
        """(n,) uint64: a hash of every item's content."""
        if self.keys is not None:
            return self.keys
        kinds = list(tree.leaves(self.x))
        if len(kinds) == 1 and hasattr(kinds[0], "keys"):
            return np.asarray(kinds[0].keys(), dtype=np.uint64)
        return content_keys(self)

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that name this data: its spec, its items in order and its labels."""
        h = hashlib.sha256(repr(self.spec).encode())
        h.update(self.item_keys.tobytes())
        if self.labels is not None:
            h.update(self.labels.values.astype(np.int64).tobytes())
        return h.hexdigest()[:16]

    @cached_property
    def _part_of(self) -> np.ndarray:
        if self.parts is not None:
            return np.asarray(self.parts)
        keys = self.item_keys
        if self.groups is not None:
            keys = np.array([_hash(str(g).encode()) for g in self.groups], dtype=np.uint64)
        share = _spread(keys).astype(np.float64) / 2.0**64
        return np.searchsorted(np.cumsum(SHARES)[:-1], share, side="right")

    def part(self, name: Part) -> np.ndarray:
        """The item numbers of a part. An item's part is a hash of its content or group, or the source's own split."""
        if name not in PARTS:
            raise Problem(f"unknown part {name!r}: expected one of {', '.join(PARTS)}")
        return np.flatnonzero(self._part_of == PARTS.index(name))

    def subset(self, index: np.ndarray, name: str | None = None) -> "Source":
        """The items at `index` as a source of their own; parts are kept."""
        index = np.arange(len(self))[index]
        return Source(
            name=name or self.name, spec=self.spec, x=self.take(index),
            labels=self.labels and Labels(self.labels.values[index], self.labels.names),
            factors=self.factors and Factors(self.factors.names, self.factors.sizes, self.factors.values[index]),
            groups=None if self.groups is None else [self.groups[i] for i in index], parts=self._part_of[index],
            ids=[self.id(i) for i in index], columns=self.columns, keys=self.item_keys[index], mirror=self.mirror, notes=self.notes,
        )  # fmt: skip

    def describe(self) -> str:
        """What was understood, in a few lines."""
        counts = ", ".join(f"{len(self.part(p))} {p}" for p in PARTS)
        lines = [f"{self.name}: {len(self)} items, {self.spec} ({counts})"]
        if self.labels is not None:
            known = int(self.labels.known.sum())
            lines.append(f"labels: {len(self.labels.names)} classes, {known} of {len(self)} items labelled")
        if self.factors is not None:
            lines.append("factors: " + ", ".join(f"{n} ({s})" for n, s in zip(self.factors.names, self.factors.sizes, strict=True)))
        lines.extend(self.notes)
        if self.skipped:
            lines.append(f"skipped {len(self.skipped)}: " + "; ".join(f"{s.id} ({s.reason})" for s in self.skipped[:5]))
        return "\n".join(lines)

    def check(self) -> None:
        """Raises `Problem` when the items do not fit the spec or there are too few to learn from."""
        self.spec.check(self.x, self.name)
        lengths = {len(leaf) for leaf in tree.leaves(self.x)}
        if len(lengths) > 1:
            raise Problem(f"{self.name}: the parts have different numbers of items: {sorted(lengths)}")
        if len(self) < 10:
            raise Problem(f"{self.name}: {len(self)} items are too few to split and learn from; bring at least 10")


def content_keys(source: Source) -> np.ndarray:
    """(n,) uint64: a hash of the bytes of every item."""
    keys = np.empty(len(source), dtype=np.uint64)
    for start in range(0, len(source), CHUNK):
        x = source.take(slice(start, start + CHUNK))
        for j in range(tree.length(x)):
            keys[start + j] = _hash(b"".join(np.ascontiguousarray(leaf[j]).tobytes() for leaf in tree.leaves(x)))
    return keys


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _spread(keys: np.ndarray) -> np.ndarray:
    """Keys made by a `Lazy` may be consecutive numbers; this spreads them over 64 bits (splitmix64)."""
    with np.errstate(over="ignore"):
        z = keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
