"""One column of a table: whether it can be used, and how."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from allegory.data.hashing import keys_of
from allegory.data.source import Column

MOST_CATEGORIES = 64
ENOUGH_ROWS = 50


@dataclass(frozen=True, eq=False)
class Read:
    """One column, read. `values` (n,) float64: numbers, NaN where missing, or codes of categories, -1 where missing.

    `keys` (n,) name the content of each row by itself, not by the code that it happens to have here. An empty column is a category
    without any categories: it adds nothing to the code, and a table that has values there can still be read beside it.
    """

    column: Column
    values: np.ndarray
    keys: np.ndarray
    infinite: int = 0

    @property
    def empty(self) -> bool:
        return self.column.kind == "category" and not self.column.categories

    @property
    def lacks(self) -> np.ndarray:
        """(n,) bool: where nothing is known."""
        return np.isnan(self.values) if self.column.kind == "number" else self.values < 0

    @property
    def constant(self) -> bool:
        known = self.values[~self.lacks]
        return len(known) == len(self.values) and bool((known == known[0]).all())


def read(name: str, values: pa.ChunkedArray, wanted: Column | str | None) -> Read | str:
    """The column, or why it is not used. What was `wanted` by name is used whatever it holds; a `Column` gives the kind as well."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    if values.null_count == len(values):
        return _empty(name, len(values))
    if isinstance(wanted, Column):
        values = _as_kind(values, wanted.kind)
    kind = values.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _number(name, values)
    if pa.types.is_string(kind):
        different = len(values.unique()) - bool(values.null_count)
        too_many = different > MOST_CATEGORIES or (len(values) >= ENOUGH_ROWS and different > len(values) / 2)
        return f"{different} different texts" if too_many and not wanted else _category(name, values)
    if pa.types.is_temporal(kind):
        return "dates and times are not read"
    return "not text in UTF-8" if pa.types.is_binary(kind) else f"values of type {kind} are not read"


def remarks(reads: Sequence[Read], missing: str | None) -> list[str]:
    """What people should know about the columns: what is missing where, what is constant, what is empty."""
    notes = []
    lacking = [_lacking(r) for r in reads if r.lacks.any() and not r.empty]
    if lacking:
        done = "those rows are left out" if missing == "drop" else (
            "numbers become the mean of the training part, categories all zeros"
            f"{'' if missing == 'impute' else ', but for methods that read holes'}; missing='drop' leaves those rows out"
        )  # fmt: skip
        notes.append(f"missing values: {', '.join(lacking)}; {done}")
    constant = [r.column.name for r in reads if not r.empty and r.constant]
    if constant:
        notes.append(f"constant, so nothing can be learned from: {', '.join(constant)}")
    empty = [r.column.name for r in reads if r.empty]
    if empty:
        notes.append(f"empty: {', '.join(empty)}")
    return notes


def _lacking(r: Read) -> str:
    count = int(r.lacks.sum())
    return f"{r.column.name} in {count} rows" + (f" ({r.infinite} of them infinite)" if r.infinite else "")


def _empty(name: str, n: int) -> Read:
    return Read(Column(name, "category"), np.full(n, -1.0), np.zeros(n, dtype=np.uint64))


def _as_kind(values: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    """The column as training read it, where that is possible."""
    try:
        if kind == "category":
            return values.cast(pa.string())
        return values.cast(pa.float64()) if pa.types.is_string(values.type) else values
    except pa.ArrowException:
        return values


def _number(name: str, values: pa.ChunkedArray) -> Read:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    numbers = pc.cast(values, pa.float64(), safe=False).to_numpy().astype(np.float64)
    infinite = np.isinf(numbers)
    numbers[infinite] = np.nan
    if np.isnan(numbers).all():
        return _empty(name, len(numbers))
    return Read(Column(name), numbers, numbers, int(infinite.sum()))


def _category(name: str, values: pa.ChunkedArray) -> Read:
    texts = np.array(values.to_pylist(), dtype=object)
    known = np.array([t is not None for t in texts])
    categories, codes = np.unique(texts[known].astype(str), return_inverse=True)
    code = np.full(len(texts), -1)
    code[known] = codes
    keys = np.append(keys_of(categories.tolist()), np.uint64(0))  # the last entry serves code -1
    return Read(Column(name, "category", tuple(categories.tolist())), code.astype(np.float64), keys[code])
