"""What is known about items besides themselves: labels, groups, parts. Each may be given as a name, a file, or values."""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from allegory.core import Misuse, Problem
from allegory.data.found import Found
from allegory.data.hashing import spread
from allegory.data.source import Labels

ID_HEADERS = ("id", "ids", "path", "file", "filename", "image", "name", "item", "key")
VALUE_HEADERS = ("label", "labels", "class", "target", "y", "category", "group", "part", "split", "value")
PART_NAMES = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2, "testing": 2, "0": 0, "1": 1, "2": 2}


def values_of(found: Found, given: Any, what: str) -> tuple[list[Any], list[str]]:
    """(n values, notes). `given`: "folders", a column or key, the path of a csv of (id or path, value), or one value for each item."""
    if isinstance(given, (str, os.PathLike)):
        name = os.fspath(given)
        if name in found.beside:
            return list(found.beside[name]), [f"{what}: from {name!r}"]
        if Path(name).is_file():
            return _from_file(found, Path(name), what)
        known = ", ".join(map(repr, list(found.beside)[:20])) or "none here"
        raise Misuse(
            f"{what} {name!r}: expected a column or key (known: {known}), the path of a csv file, or values; there is no such file"
        )
    values = given.tolist() if hasattr(given, "tolist") else list(given)
    n, used = len(found.source), found.used
    if len(values) == n:
        return values, []
    if used is not None and len(values) == len(used) + len(found.source.skipped):
        return [values[i] for i in used], []
    raise Problem(f"{what}: {len(values)} values for {n} items of {found.source.name}; bring one for each, None where it is not known")


def as_labels(values: Sequence[Any], what: str = "labels") -> Labels:
    """Class numbers and names from numbers or texts. Missing: None, NaN, empty texts, and -1 among other whole numbers."""
    plain = [_plain(v) for v in values]
    numbers = {v for v in plain if isinstance(v, (int, float))}
    if -1 in numbers and numbers != {-1, 1} and len(numbers) > 1:  # -1 and 1 are two classes
        plain = [None if v == -1 else v for v in plain]
    known = {v for v in plain if v is not None}
    if not known:
        raise Problem(f"{what}: none of the {len(plain)} items has one; expected a class for some of them at least")
    odd = next((v for v in known if isinstance(v, float)), None)
    if odd is not None:
        raise Problem(f"{what}: expected classes (texts or whole numbers), got the number {odd}; bin measurements into classes first")
    texts = {v for v in known if isinstance(v, str)}
    names = [str(v) for v in sorted(known - texts)] + sorted(texts)
    names = list(dict.fromkeys(names))
    number = {name: i for i, name in enumerate(names)}
    return Labels(np.array([-1 if v is None else number[str(v)] for v in plain], dtype=np.int64), tuple(names))


def as_parts(values: Sequence[Any], keys: np.ndarray) -> np.ndarray:
    """(n,) 0, 1, 2 from names or numbers of parts. Where validation is missing, an eighth of the training part becomes it, by content."""
    named = [PART_NAMES.get(str(_plain(v)).lower(), -1) for v in values]
    if -1 in named:
        raise Misuse(f"parts: expected train, validation or test (or 0, 1, 2) for every item, got {values[named.index(-1)]!r}")
    parts = np.array(named, dtype=np.int64)
    if not (parts == 2).any():
        parts[parts == 1] = 2
    if not (parts == 1).any():
        eighth = spread(spread(keys)) < np.uint64(2**61)
        parts[(parts == 0) & eighth] = 1
    return parts


def _plain(value: Any) -> Any:
    """None, an int, a float that is no whole number, or a text."""
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (list, tuple, dict)):
        raise Problem(f"expected one class for each item, got {value!r}; turn one-hot rows into numbers with .argmax(1)")
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, int):
        return value
    return str(value).strip() or None


def _from_file(found: Found, path: Path, what: str) -> tuple[list[Any], list[str]]:
    """The values of a csv or parquet file, matched to the items by id, path, file name, or file name without its ending."""
    rows = _rows(path)
    alike = _names(found)
    values: list[Any] = [None] * len(found.source)
    unmatched = []
    for key, value in rows:
        i = alike.get(_normal(key, found.root))
        if i is None:
            unmatched.append(key)
        elif values[i] is not None and value is not None and values[i] != value:
            raise Problem(f"{path}: {what} says both {values[i]!r} and {value!r} for {found.source.id(i)!r}; keep one")
        elif value is not None:
            values[i] = value
    if len(unmatched) == len(rows):
        theirs, ours = ", ".join(map(repr, unmatched[:3])), ", ".join(repr(found.source.id(i)) for i in range(min(3, len(values))))
        raise Problem(f"{path}: none of its {len(rows)} ids is one of the items; it has {theirs} ..., the items are {ours} ...")
    note = f"{what}: {len(rows) - len(unmatched)} of the {len(rows)} rows of {path.name} name an item"
    return _as_numbers(values), [note + (f" (not {unmatched[0]!r} ...)" if unmatched else "")]


def _as_numbers(texts: list[str | None]) -> list[Any]:
    """Texts as numbers if all of them are (3 or 3.0, as a column with gaps is often written; but not 007)."""
    known = [t for t in texts if t is not None]
    if any(t.startswith("0") and t[1:2].isdigit() for t in known):
        return texts
    try:
        return [None if t is None else float(t) for t in texts]
    except ValueError:
        return texts


def _rows(path: Path) -> list[tuple[str, str | None]]:
    """(id, value) pairs of a file with two columns, or with columns that are named so."""
    from allegory.data.tables import texts_of

    names, columns = texts_of(path)
    lower = [name.strip().lower() for name in names]
    at = next((i for i, name in enumerate(lower) if name in ID_HEADERS), 0)
    rest = [i for i in range(len(names)) if i != at]
    value = next((i for i in rest if lower[i] in VALUE_HEADERS), rest[0] if len(rest) == 1 else None)
    if value is None:
        raise Problem(f"{path}: expected two columns, an id or path and a label; got {', '.join(map(repr, names))}")
    pairs = list(zip(columns[at], columns[value], strict=True))
    headed = lower[at] in ID_HEADERS or lower[value] in VALUE_HEADERS
    return [(k, v) for k, v in ([] if headed else [(names[at], names[value])]) + pairs if k is not None]


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
