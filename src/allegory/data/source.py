"""Observations, with whatever is known about them. A source knows its fingerprint and its parts; it never augments."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from allegory.core import Problem, Spec, Tree, tree
from allegory.data.attributes import Attribute, distinct
from allegory.data.hashing import keys_of, row_keys, spread
from allegory.data.leaves import Rows, rows_of

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
SHARES = (0.7, 0.1, 0.2)
FEWEST = 10
CHUNK_BYTES = 32 << 20
COPY_BYTES = 256 << 20


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

    def varying(self) -> tuple[Attribute, ...]:
        """Each factor with more than one value as an attribute; its values are the classes."""
        return tuple(
            Attribute(name, "class", self.values[:, i].astype(np.int64), tuple(map(str, range(size))))
            for i, (name, size) in enumerate(zip(self.names, self.sizes, strict=True)) if size > 1
        )  # fmt: skip


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

    `mirror`: a left-right flip keeps an image's meaning. `groups`: items of one group belong together, and stay in one part. `parts`
    (n,) 0, 1, 2: the source's own split. `attributes`: what else is known about the items, by name. `notes`: what was understood, for
    people. `columns`: for tables, what the axis of the vectors means. `relations` (m, 2): the numbers of an item and of one that it lies
    under, for hierarchies, with those that follow from others.
    """

    name: str
    spec: Spec
    x: Tree
    labels: Labels | None = None
    factors: Factors | None = None
    attributes: tuple[Attribute, ...] = ()
    groups: Sequence[str] | None = None
    parts: np.ndarray | None = None
    ids: Sequence[str] | None = None
    columns: tuple[Column, ...] = ()
    relations: np.ndarray | None = None
    keys: np.ndarray | None = None
    mirror: bool = False
    notes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return tree.length(self.x)

    def take(self, index: np.ndarray | slice) -> Tree:
        """The stored observations at `index`, as numpy arrays."""
        rows = self._rows(index)
        return tree.map(lambda leaf: rows_of(leaf, rows), self.x)

    def _rows(self, index: Any) -> np.ndarray:
        return np.arange(*index.indices(len(self))) if isinstance(index, slice) else np.arange(len(self))[index]

    @cached_property
    def item_bytes(self) -> int:
        """The size of one stored item."""
        return sum(math.prod(leaf.shape[1:]) * np.dtype(leaf.dtype).itemsize for leaf in tree.leaves(self.x))

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
        step = max(1, CHUNK_BYTES // max(1, self.item_bytes))
        chunks = [row_keys(*tree.leaves(self.take(slice(i, i + step)))) for i in range(0, len(self), step)]
        return np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.uint64)

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that name this data: its spec, its items in order, its labels and its attributes."""
        h = hashlib.sha256(repr(self.spec).encode())
        h.update(self.item_keys.tobytes())
        if self.labels is not None:
            h.update(self.labels.values.astype(np.int64).tobytes())
        for attribute in self.attributes:
            h.update(attribute.content())
        return h.hexdigest()[:16]

    @cached_property
    def targets(self) -> tuple[Attribute, ...]:
        """All that could be read off the items: the label, the factors that vary (each value a class), and the attributes."""
        label = () if self.labels is None else (Attribute("label", "class", self.labels.values.astype(np.int64), self.labels.names),)
        factors = () if self.factors is None else self.factors.varying()
        other = [f for f in factors if not any(np.array_equal(f.values, known.values) for known in label)]  # sprites are labelled by shape
        return distinct([*label, *other, *self.attributes])

    def told(self, groups: bool = False) -> Labels | None:
        """The labels; where there are none, and `groups` may stand in, each group is a class, and an item without one is its own class."""
        if self.labels is not None or not groups or self.groups is None:
            return self.labels
        return self._of_groups

    @property
    def group_numbers(self) -> np.ndarray:
        """(n,) int64: the number of each item's group; an item without one has its own. Asked only where there are groups."""
        return self._of_groups.values

    @cached_property
    def _of_groups(self) -> Labels:
        assert self.groups is not None
        names: dict[tuple[str, str], int] = {}  # a group may have the name of an item
        values = [names.setdefault(("item", self.id(i)) if _alone(g) else ("group", g), len(names)) for i, g in enumerate(self.groups)]
        return Labels(np.array(values, dtype=np.int64), tuple(" ".join(name) for name in names))

    @cached_property
    def _part_of(self) -> np.ndarray:
        if self.parts is not None:
            return np.asarray(self.parts)
        keys = self.item_keys
        if self.groups is not None:
            alone = np.array([_alone(g) for g in self.groups])
            keys = np.where(alone, keys, keys_of(self.groups))
        share = spread(keys).astype(np.float64) / 2.0**64
        return np.searchsorted(np.cumsum(SHARES)[:-1], share, side="right")

    def part(self, name: Part) -> np.ndarray:
        """The item numbers of a part. An item's part is a hash of its content or group, or the source's own split."""
        if name not in PARTS:
            raise Problem(f"unknown part {name!r}: expected one of {', '.join(PARTS)}")
        return np.flatnonzero(self._part_of == PARTS.index(name))

    def subset(self, index: np.ndarray, name: str | None = None) -> "Source":
        """The items at `index` as a source of their own; parts are kept. What is large stays where it is."""
        index = self._rows(index)
        small = self.item_bytes * len(index) <= COPY_BYTES
        return Source(
            name=name or self.name, spec=self.spec, x=self.take(index) if small else tree.map(lambda leaf: Rows(leaf, index), self.x),
            labels=self.labels and Labels(self.labels.values[index], self.labels.names),
            factors=self.factors and Factors(self.factors.names, self.factors.sizes, self.factors.values[index]),
            attributes=tuple(a.take(index) for a in self.attributes),
            groups=None if self.groups is None else [self.groups[i] for i in index], parts=self._part_of[index],
            ids=[self.id(i) for i in index], columns=self.columns, keys=self.item_keys[index], mirror=self.mirror,
            relations=self._related(index), notes=self.notes,
        )  # fmt: skip

    def _related(self, index: np.ndarray) -> np.ndarray | None:
        """The relations among the items at `index`, in their new numbers."""
        if self.relations is None:
            return None
        place = np.full(len(self), -1)
        place[index] = np.arange(len(index))
        new = place[self.relations]
        return new[(new >= 0).all(1)]

    def describe(self) -> str:
        """What was understood, in a few lines."""
        counts = ", ".join(f"{len(self.part(p))} {p}" for p in PARTS)
        kinds = ", ".join(dict.fromkeys(str(np.dtype(leaf.dtype)) for leaf in tree.leaves(self.x)))
        lines = [f"{self.name}: {len(self)} items, {self.spec}, stored as {kinds} ({counts})"]
        if self.columns:
            lines.append(
                "columns: " + "; ".join(_columns(self.columns, kind) for kind in ("number", "category") if _columns(self.columns, kind))
            )
        if self.labels is not None:
            known = int(self.labels.known.sum())
            lines.append(f"labels: {len(self.labels.names)} classes ({_some(self.labels.names)}), {known} of {len(self)} items labelled")
        if self.factors is not None:
            lines.append("factors: " + ", ".join(f"{n} ({s})" for n, s in zip(self.factors.names, self.factors.sizes, strict=True)))
        if self.attributes:
            lines.append(f"attributes: {_some([str(a) for a in self.attributes], 12)}")
        lines.extend(self.notes)
        if self.skipped:
            lines.append(f"used {len(self)} of {len(self) + len(self.skipped)}; skipped {len(self.skipped)}: {_reasons(self.skipped)}")
        return "\n".join(lines)

    def check(self) -> None:
        """Raises `Problem` when the items do not fit the spec or there are too few to learn from and to measure on."""
        self.check_items()
        if len(self) < FEWEST:
            raise Problem(f"{self.name}: {len(self)} items are too few to split and learn from; bring at least {FEWEST}, better 100")
        counts = {p: len(self.part(p)) for p in PARTS}
        needed = PARTS if self.parts is None else PARTS[:1]
        if not all(counts[p] for p in needed):
            got = ", ".join(f"{n} {p}" for p, n in counts.items())
            why = "groups or duplicates" if len(self) >= 100 else "items"
            raise Problem(f"{self.name}: the split gives {got}; that leaves nothing to measure on. Bring more {why}, or give `parts`")

    def check_items(self) -> None:
        """Raises `Problem` when there are no items, or when they do not fit the spec; enough for encoding."""
        lengths = {len(leaf) for leaf in tree.leaves(self.x)}
        if len(lengths) > 1:
            raise Problem(f"{self.name}: the parts have different numbers of items: {sorted(lengths)}")
        for attribute in distinct(self.attributes):
            if len(attribute) != len(self):
                raise Problem(f"{self.name}: the attribute {attribute.name!r} has {len(attribute)} values for {len(self)} items")
        if not len(self):
            reasons = f"; skipped {len(self.skipped)}: {_reasons(self.skipped)}" if self.skipped else ""
            raise Problem(f"{self.name}: there is nothing to use in it{reasons}")
        self.spec.check(self.x, self.name)


def _alone(group: str | None) -> bool:
    """An item without a group."""
    return group is None or group == ""


def _some(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _columns(columns: Sequence[Column], kind: str) -> str:
    names = [c.name if kind == "number" else f"{c.name} ({len(c.categories)})" for c in columns if c.kind == kind]
    plural = "numbers" if kind == "number" else "categories"
    return f"{len(names)} {plural}: {_some(names, 12)}" if names else ""


def _reasons(skipped: Sequence[Skipped]) -> str:
    """The reasons, most frequent first, each with one example."""
    first: dict[str, str] = {}
    for s in skipped:
        first.setdefault(s.reason, s.id)
    counts = Counter(s.reason for s in skipped).most_common(6)
    said = [f"{first[r]} ({r})" if n == 1 else f"{n} x {r} ({first[r]} ...)" for r, n in counts]
    return "; ".join(said) + (" ..." if len(first) > len(counts) else "")
