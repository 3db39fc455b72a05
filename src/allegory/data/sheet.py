"""Files of what is known about items: a csv or parquet file with a row an item, found by its id or path."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from allegory.core import Problem
from allegory.data.found import Found
from allegory.data.tables import texts_of

ID_HEADERS = ("id", "ids", "path", "file", "filename", "image", "name", "item", "key")
VALUE_HEADERS = ("label", "labels", "class", "target", "y", "category", "group", "part", "split", "value")
NO_ATTRIBUTES = ("group", "part", "split")


@dataclass(frozen=True, eq=False)
class Sheet:
    """A file read: `columns` of texts by name, without the ids; `items`: the item of each row, None where there is none."""

    path: Path
    found: Found
    keys: Sequence[str]
    items: Sequence[int | None]
    columns: Mapping[str, Sequence[str | None]]

    @staticmethod
    def of(found: Found, path: Path) -> "Sheet":
        """Matches rows to items by id, path, file name, or file name without its ending. Raises `Problem` when none fits."""
        names, columns = _headed(*texts_of(path))
        lower = [name.strip().lower() for name in names]
        at = next((i for i, name in enumerate(lower) if name in ID_HEADERS), 0)
        used = [i for i, key in enumerate(columns[at]) if key is not None]
        keys = [str(columns[at][i]) for i in used]
        alike = _names(found)
        items = [alike.get(_normal(key, found.root)) for key in keys]
        if all(i is None for i in items):
            theirs, ours = ", ".join(map(repr, keys[:3])), ", ".join(repr(found.source.id(i)) for i in range(min(3, len(found.source))))
            raise Problem(f"{path}: none of its {len(keys)} ids is one of the items; it has {theirs} ..., the items are {ours} ...")
        rest = {names[k].strip(): [column[i] for i in used] for k, column in enumerate(columns) if k != at}
        if len(rest) < len(names) - 1:
            raise Problem(f"{path}: two columns have the same name; rename one of them ({', '.join(map(repr, names))})")
        return Sheet(path, found, keys, items, rest)

    @cached_property
    def label(self) -> str | None:
        """The column of labels: the only one, or one that is called so; None when there is none."""
        named = next((name for name in self.columns if name.lower() in VALUE_HEADERS), None)
        return next(iter(self.columns)) if len(self.columns) == 1 else named

    @property
    def value(self) -> str:
        """As `label`. Raises `Problem` when there is none."""
        if self.label is None:
            has = ", ".join(map(repr, self.columns))
            raise Problem(f"{self.path}: expected two columns, an id or path and a value, or one called label; got {has} beside the ids")
        return self.label

    @property
    def others(self) -> list[str]:
        """The columns that are attributes."""
        return [name for name in self.columns if name != self.label and name.lower() not in NO_ATTRIBUTES]

    def values(self, column: str, what: str) -> list[Any]:
        """The column's value for every item, numbers as numbers. Raises `Problem` where two rows of one item disagree."""
        values: list[Any] = [None] * len(self.found.source)
        for i, value in zip(self.items, self.columns[column], strict=True):
            if i is None or value is None:
                continue
            if values[i] is not None and values[i] != value:
                raise Problem(f"{self.path}: {what} says both {values[i]!r} and {value!r} for {self.found.source.id(i)!r}; keep one")
            values[i] = value
        return _as_numbers(values)

    def said(self, what: str) -> str:
        """How many rows name an item, for people."""
        stray = [key for key, i in zip(self.keys, self.items, strict=True) if i is None]
        note = f"{what}: {len(self.keys) - len(stray)} of the {len(self.keys)} rows of {self.path.name} name an item"
        return note + (f" (not {stray[0]!r} ...)" if stray else "")


def _headed(names: list[str], columns: list[list[str | None]]) -> tuple[list[str], list[list[str | None]]]:
    """Names and columns; two columns may come without a header."""
    lower = [name.strip().lower() for name in names]
    if len(names) > 2 or any(name in ID_HEADERS or name in VALUE_HEADERS for name in lower):
        return names, columns
    return ["id", "label"], [[name, *column] for name, column in zip(names, columns, strict=True)]


def _as_numbers(texts: list[str | None]) -> list[Any]:
    """Texts as numbers if all of them are (3 or 3.0, as a column with gaps is often written; but not 007)."""
    known = [t for t in texts if t is not None]
    if any(t.startswith("0") and t[1:2].isdigit() for t in known):
        return texts
    try:
        return [None if t is None else float(t) for t in texts]
    except ValueError:
        return texts


def _normal(key: str, root: str) -> str:
    """An id or path as the items have it: relative to the folder, with forward slashes."""
    key = key.strip().replace("\\\\", "/").removeprefix("./")
    return key.removeprefix(f"{root}/").removeprefix(f"{Path(root).name}/") if root else key


def _names(found: Found) -> Mapping[str, int]:
    """The item of every id, and of every file name and stem that only one item has."""
    ids = [found.source.id(i) for i in range(len(found.source))]
    names: dict[str, int] = {}
    if found.root or found.source.ids is not None:
        paths = [Path(i) for i in ids]
        for short in ([p.stem for p in paths], [p.name for p in paths]):
            counts = Counter(short)
            names.update({s: i for i, s in enumerate(short) if counts[s] == 1})
    names.update({s: i for i, s in enumerate(ids)})
    return names
