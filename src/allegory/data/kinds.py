"""Values of any form become attributes: which kind they are is told from the values, or said after a colon, as in `age:continuous`."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from allegory.core import Problem
from allegory.data.attributes import KINDS, Attribute, distinct
from allegory.data.beside import as_labels, checked_length, plain_of, values_of
from allegory.data.found import Found
from allegory.data.sheet import Sheet

MOST_WHOLE = 20  # more different whole numbers than this are a measurement
ENOUGH = 50  # items from which texts that are mostly different are taken for free text, as in tables
BETWEEN = "|"
YES = {"1": 1, "true": 1, "yes": 1, "0": 0, "-1": 0, "false": 0, "no": 0}


def attributes_of(found: Found, given: Any) -> tuple[tuple[Attribute, ...], list[str]]:
    """(the attributes, notes). `given`: a csv or parquet file with a column an attribute, names of columns or keys (several joined by +),
    or values by name. Raises `Problem` or `Misuse` in one line."""
    if isinstance(given, (str, os.PathLike)) and os.fspath(given) not in found.beside and Path(given).is_file():
        sheet = Sheet.of(found, Path(given))
        return from_sheet(sheet, list(sheet.columns))
    if isinstance(given, Mapping):
        return distinct([as_attribute(str(name), checked_length(found, values, str(name))) for name, values in given.items()]), []
    columns = names_in(given, found.beside)
    known = {name: as_attribute(header, _column(found, name)) for header, name in columns.items()}
    return distinct(list(known.values())), [f"attributes: from {', '.join(map(repr, known))}"]


def _column(found: Found, name: str) -> Any:
    """The values of that name; an (n, k) array stays one."""
    return found.beside[name] if name in found.beside else values_of(found, name, "attributes")[0]


def names_in(given: Any, known: Iterable[str] = ()) -> dict[str, str]:
    """The columns that are meant, by the header that was given, which may say a kind after a colon; {} for what names no columns."""
    if given is None or isinstance(given, Mapping):
        return {}
    known = set(known)
    headers = [os.fspath(given)] if isinstance(given, (str, os.PathLike)) else [str(name) for name in given]
    if len(headers) == 1 and headers[0] not in known:
        headers = [part.strip() for part in headers[0].split("+")]
    return {header: header if header in known else _parted(header)[0] for header in headers}


def from_sheet(sheet: Sheet, columns: Sequence[str]) -> tuple[tuple[Attribute, ...], list[str]]:
    """These columns of a file as attributes; one that cannot be used is named in a note. Raises `Problem` when none can."""
    found, left_out = [], []
    for column in columns:
        try:
            found.append(as_attribute(column, sheet.values(column, column)))
        except Problem as e:
            left_out.append(str(e))
    if columns and not found:
        raise Problem(f"{sheet.path}: no column can be used. {left_out[0]}")
    return distinct(found), [f"not used, {reason}" for reason in left_out]


def as_attribute(header: str, values: Any) -> Attribute:
    """One attribute. `header`: its name, with its kind after a colon or without one. `values`: one for each item (None, NaN and "" are
    missing), an (n, k) array of 0, 1 and -1, or lists of names; texts with | between them are several labels at once.
    Raises `Problem` for values that are of no kind, or not of the kind that was said."""
    name, kind = _parted(header)
    if isinstance(values, Attribute):
        return Attribute(name, values.kind, values.values, values.names)
    if getattr(values, "ndim", 1) == 2:
        return _several_of(name, np.asarray(values, dtype=np.float64))
    values = values.tolist() if hasattr(values, "tolist") else list(values)
    if any(isinstance(v, (list, tuple, set, frozenset)) for v in values):
        return _several(name, [None if v is None else [str(label).strip() for label in v] for v in values])
    plain = [plain_of(v) for v in values]
    known = {v for v in plain if v is not None}
    if not known:
        raise Problem(f"attribute {name!r}: none of the {len(plain)} items has a value")
    return _MAKERS[kind or _told(name, known, sum(v is not None for v in plain))](name, plain)


def _parted(header: str) -> tuple[str, str]:
    """The name and the kind of a header; "" when it says none."""
    name, _, kind = header.rpartition(":")
    return (name.strip(), kind.strip()) if kind.strip() in KINDS and name.strip() else (header.strip(), "")


def _told(name: str, known: set[Any], count: int) -> str:
    """The kind of an attribute with these different values."""
    if known <= {-1, 0, 1} or {str(v).lower() for v in known} <= {"true", "false"}:
        return "binary"
    texts = {v for v in known if isinstance(v, str)}
    if not texts:
        return "continuous" if len(known) > MOST_WHOLE or any(isinstance(v, float) for v in known) else "class"
    if any(BETWEEN in text for text in texts):
        return "multi-label"
    if count >= ENOUGH and len(known) > count / 2:
        raise Problem(f"attribute {name!r}: {len(known)} different texts in {count} items are no classes; if they are, say {name}:class")
    return "class"


def _class(name: str, plain: list[Any]) -> Attribute:
    labels = as_labels(plain, f"attribute {name!r}")
    return Attribute(name, "class", labels.values, labels.names)


def _binary(name: str, plain: list[Any]) -> Attribute:
    """-1 and 1 are no and yes; beside 0, -1 is missing."""
    if {-1, 0} <= set(plain):
        plain = [None if v == -1 else v for v in plain]
    odd = next((v for v in plain if v is not None and str(v).lower() not in YES), None)
    if odd is not None:
        raise Problem(f"attribute {name!r}: expected yes or no (0 and 1, -1 and 1, true and false), got {odd!r}")
    return Attribute(name, "binary", np.array([-1 if v is None else YES[str(v).lower()] for v in plain], dtype=np.int64))


def _continuous(name: str, plain: list[Any]) -> Attribute:
    odd = next((v for v in plain if isinstance(v, str)), None)
    if odd is not None:
        raise Problem(f"attribute {name!r}: expected numbers, got {odd!r}")
    values = np.array([math.nan if v is None else float(v) for v in plain])
    return Attribute(name, "continuous", np.where(np.isfinite(values), values, np.nan))


def _split(name: str, plain: list[Any]) -> Attribute:
    return _several(name, [None if v is None else [t.strip() for t in str(v).split(BETWEEN) if t.strip()] for v in plain])


def _several(name: str, lists: list[list[str] | None]) -> Attribute:
    """An item without a list has all labels missing; with one, the labels that it does not name are 0."""
    names = tuple(sorted({label for labels in lists for label in labels or ()}))
    if not names:
        raise Problem(f"attribute {name!r}: none of the {len(lists)} items has a label")
    number = {label: i for i, label in enumerate(names)}
    values = np.zeros((len(lists), len(names)), dtype=np.int64)
    for row, labels in zip(values, lists, strict=True):
        row[:] = -1 if labels is None else 0
        row[[number[label] for label in labels or ()]] = 1
    return Attribute(name, "multi-label", values, names)


def _several_of(name: str, values: np.ndarray) -> Attribute:
    """-1 is missing; where there is no 0, it is no. NaN is missing."""
    known = values[np.isfinite(values)]
    if not np.isin(known, (-1, 0, 1)).all() or not known.size:
        raise Problem(f"attribute {name!r}: an (n, k) array is several labels of 0, 1 and -1 (missing); give measurements one by one")
    yes, no = values == 1, (values == 0) | ((values == -1) & ~(known == 0).any())
    return Attribute(name, "multi-label", np.where(yes, 1, np.where(no, 0, -1)), tuple(map(str, range(values.shape[1]))))


_MAKERS = {"class": _class, "binary": _binary, "continuous": _continuous, "multi-label": _split}
