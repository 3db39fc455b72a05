"""What is known about items besides themselves: labels, groups, parts. Each may be given as a name, a file, or values."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from allegory.core import Misuse, Problem
from allegory.data.found import Found
from allegory.data.hashing import spread
from allegory.data.sheet import Sheet
from allegory.data.source import Labels

PART_NAMES = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2, "testing": 2, "0": 0, "1": 1, "2": 2}


def values_of(found: Found, given: Any, what: str) -> tuple[list[Any], list[str]]:
    """(n values, notes). `given`: "folders", a column or key, the path of a csv of (id or path, value), or one value for each item."""
    if isinstance(given, (str, os.PathLike)):
        name = os.fspath(given)
        if name in found.beside:
            return list(found.beside[name]), [f"{what}: from {name!r}"]
        if Path(name).is_file():
            sheet = Sheet.of(found, Path(name))
            return sheet.values(sheet.value, what), [sheet.said(what)]
        known = ", ".join(map(repr, list(found.beside)[:20])) or "none here"
        raise Misuse(
            f"{what} {name!r}: expected a column or key (known: {known}), the path of a csv file, or values; there is no such file"
        )
    values = checked_length(found, given, what)
    return values.tolist() if hasattr(values, "tolist") else list(values), []


def checked_length(found: Found, values: Any, what: str) -> Any:
    """One value for each item. Those of inputs that were left out are left out too. Raises `Problem` for another number of values."""
    values = values if hasattr(values, "__len__") else list(values)
    n, used = len(found.source), found.used
    if len(values) == n:
        return values
    if used is not None and len(values) == len(used) + len(found.source.skipped):
        return values[used] if hasattr(values, "ndim") else [values[i] for i in used]
    raise Problem(f"{what}: {len(values)} values for {n} items of {found.source.name}; bring one for each, None where it is not known")


def as_labels(values: Sequence[Any], what: str = "labels") -> Labels:
    """Class numbers and names from numbers or texts. Missing: None, NaN, empty texts, and -1 among other whole numbers."""
    plain = [plain_of(v) for v in values]
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
    named = [PART_NAMES.get(str(plain_of(v)).lower(), -1) for v in values]
    if -1 in named:
        raise Misuse(f"parts: expected train, validation or test (or 0, 1, 2) for every item, got {values[named.index(-1)]!r}")
    parts = np.array(named, dtype=np.int64)
    if not (parts == 2).any():
        parts[parts == 1] = 2
    if not (parts == 1).any():
        eighth = spread(spread(keys)) < np.uint64(2**61)
        parts[(parts == 0) & eighth] = 1
    return parts


def plain_of(value: Any) -> Any:
    """None, an int, a float that is no whole number, or a text."""
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (list, tuple, dict, np.ndarray)):
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
