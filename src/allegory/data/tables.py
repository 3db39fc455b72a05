"""Tables of numbers and categories: .csv, .tsv, .parquet and DataFrames, by way of pyarrow. Says what became of every column."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from allegory.core import Array, Problem
from allegory.data.arrays import Missing, check_missing
from allegory.data.columns import Read, read, remarks
from allegory.data.found import Found
from allegory.data.hashing import fold
from allegory.data.source import Column, Skipped, Source

ID_NAMES = ("id", "ids", "key", "uuid", "guid", "index", "name", "path", "file", "filename", "unnamed: 0", "")
NULLS = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "?"]


def open_csv(path: Path, aside: Sequence[str] = (), *, missing: Missing | None = None, columns: Sequence[Column | str] = ()) -> Found:
    """A table with a header line, separated by commas, semicolons or tabs. `missing`: "impute" or "drop" rows, or "keep" (as
    None does) what is missing for methods that read holes, while others impute. `columns`: only these."""
    broken: list[Skipped] = []

    def misfit(row: Any) -> str:
        broken.append(Skipped(f"line {row.number}", f"has {row.actual_columns} values, the header {row.expected_columns}"))
        return "skip"

    try:
        with path.open("rb") as file:
            head = file.readline(1 << 20).decode("utf-8", "replace")
        parse = pa.csv.ParseOptions(delimiter=max(",;\t", key=head.count), invalid_row_handler=misfit, newlines_in_values=True)
        convert = pa.csv.ConvertOptions(strings_can_be_null=True, null_values=NULLS)
        one_thread = pa.csv.ReadOptions(use_threads=False)  # with more of them a row does not know its line
        table = pa.csv.read_csv(path, read_options=one_thread, parse_options=parse, convert_options=convert)
    except (pa.ArrowException, OSError, ValueError) as e:
        raise _unreadable(path, e) from None
    return open_table(table, aside, name=path.stem, missing=missing, columns=columns, skipped=broken)


def open_parquet(path: Path, aside: Sequence[str] = (), *, missing: Missing | None = None, columns: Sequence[Column | str] = ()) -> Found:
    """A .parquet file; options as for .csv."""
    try:
        table = pa.parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError, ValueError) as e:
        raise _unreadable(path, e) from None
    return open_table(table, aside, name=path.stem, missing=missing, columns=columns)


def open_frame(frame: Any, aside: Sequence[str] = (), *, missing: Missing | None = None, columns: Sequence[Column | str] = ()) -> Found:
    """A pandas DataFrame; options as for .csv. An index that is not 0, 1, 2 ... gives the ids."""
    names = [str(c) for c in frame.columns]
    arrays = []
    for i, name in enumerate(names):
        try:
            arrays.append(pa.array(frame.iloc[:, i], from_pandas=True))
        except (pa.ArrowException, TypeError, ValueError):
            kinds = sorted({type(v).__name__ for v in frame.iloc[:, i].dropna()})
            raise Problem(f"DataFrame: the column {name!r} mixes {', '.join(kinds)}; make it all numbers or all text") from None
    ids = None if type(frame.index).__name__ == "RangeIndex" else [str(v) for v in frame.index]
    return open_table(pa.Table.from_arrays(arrays, names=names), aside, name="table", missing=missing, columns=columns, ids=ids)


def open_table(
    table: pa.Table, aside: Sequence[str] = (), *,
    name: str = "table", missing: Missing | None = None, columns: Sequence[Column | str] = (),
    ids: Sequence[str] | None = None, skipped: Sequence[Skipped] = (),
) -> Found:  # fmt: skip
    """An arrow table: numbers and categories become the observations; the columns named in `aside` (labels, groups) stay outside.

    `columns`: use these only; with a `Column` (of a learned intake) its kind is kept too.
    """
    check_missing(missing)
    table = _checked(table, name)
    wanted: dict[str, Column | str] = {c if isinstance(c, str) else c.name: c for c in columns}
    id_column = _id_column(table, {*aside, *wanted})
    if id_column is not None:
        ids = table.column(id_column).to_pylist()
    reads, notes = _read_all(table, {*aside, id_column}, wanted, name)
    notes += remarks(reads, missing)
    notes += [f"the column {id_column!r} gives the ids"] if id_column is not None else []
    lacks = np.any([r.lacks & (not r.empty) for r in reads], axis=0)
    holes = bool(lacks.any()) and missing in (None, "keep")
    dropped = np.flatnonzero(lacks) if missing == "drop" else np.zeros(0, dtype=np.int64)
    used = np.setdiff1d(np.arange(len(table)), dropped)
    names = [str(i) for i in (ids if ids is not None else range(len(table)))]
    source = Source(
        name=name, spec=Array((len(reads),), holes=holes), x=np.stack([r.values[used] for r in reads], 1),
        keys=fold(*(r.keys[used] for r in reads)),
        ids=[names[i] for i in used] if ids is not None or len(dropped) else None, columns=tuple(r.column for r in reads),
        notes=tuple(notes), skipped=(*skipped, *(Skipped(names[i], "has a missing value") for i in dropped)),
    )  # fmt: skip
    return Found(source, _Columns(table.take(pa.array(used)) if len(dropped) else table), used=used if len(dropped) else None)


class _Columns(Mapping[str, Sequence[Any]]):
    """The columns of a table as lists, made when they are asked for."""

    def __init__(self, table: pa.Table):
        self.table = table

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self.table.column(name).to_pylist()

    def __iter__(self) -> Iterator[str]:
        return iter(self.table.column_names)

    def __len__(self) -> int:
        return self.table.num_columns


def _checked(table: pa.Table, name: str) -> pa.Table:
    doubles = sorted({c for c in table.column_names if table.column_names.count(c) > 1})
    if doubles:
        raise Problem(f"{name}: the column names {', '.join(map(repr, doubles))} occur twice; rename one of each")
    if not table.num_rows:
        raise Problem(f"{name}: the table has {table.num_columns} columns and no rows")
    return table.combine_chunks()


def _id_column(table: pa.Table, taken: set[str]) -> str | None:
    """The column that names the rows: by its own name, whole numbers or texts, all different."""
    for column in sorted(
        set(table.column_names) - taken, key=lambda c: (c.strip().lower() not in ID_NAMES[:-1], table.column_names.index(c))
    ):
        values = table.column(column)
        plain = pa.types.is_integer(values.type) or pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
        if column.strip().lower() in ID_NAMES and plain and not values.null_count and len(values.unique()) == len(values):
            return column
    return None


def _read_all(table: pa.Table, outside: set[str | None], wanted: Mapping[str, Column | str], name: str) -> tuple[list[Read], list[str]]:
    """The columns that can be used, and a note on those that cannot."""
    lacking = [c for c in wanted if c not in table.column_names]
    if lacking:
        raise Problem(f"{name} lacks the columns {', '.join(map(repr, lacking))}; it has {', '.join(map(repr, table.column_names))}")
    reads, ignored = [], []
    for column in wanted or [c for c in table.column_names if c not in outside]:
        found = read(column, table.column(column), wanted.get(column))
        if isinstance(found, Read):
            reads.append(found)
        else:
            ignored.append(f"{column} ({found})")
    if not any(r.column.kind == "number" or r.column.categories for r in reads):
        raise Problem(f"{name}: no column can be learned from; not used: {', '.join(ignored) or 'all are empty or labels'}")
    return reads, [f"columns not used: {', '.join(ignored)}"] if ignored else []


def _unreadable(path: Path, e: Exception) -> Problem:
    text = " ".join(str(e).split())[:200]
    hint = "; save it as UTF-8" if "UTF8" in text or "utf-8" in text.lower() else ""
    return Problem(f"{path} cannot be read as a table: {text}{hint}")


def texts_of(path: Path) -> tuple[list[str], list[list[str | None]]]:
    """The column names and the columns of a csv or parquet file as texts, just as they are written; for files of labels."""
    try:
        if path.suffix.lower() == ".parquet":
            table = pa.parquet.ParquetFile(path).read()
            return table.column_names, [[None if v is None else str(v) for v in c.to_pylist()] for c in table.columns]
    except (pa.ArrowException, OSError, ValueError) as e:
        raise _unreadable(path, e) from None
    rows, _ = rows_of(path)
    if len(rows) < 1 or len(rows[0]) < 2:
        raise Problem(f"{path}: expected two columns, an id or path and a label; got {rows[0] if rows else 'an empty file'}")
    return rows[0], [[None if value.strip() in NULLS else value.strip() for value in column] for column in zip(*rows[1:], strict=True)] or [
        [] for _ in rows[0]
    ]


def rows_of(path: Path) -> tuple[list[list[str]], str]:
    """The rows of a csv or tsv file just as they are written, the header first, and what parts them. Raises `Problem` when a row has
    more or fewer values than the first."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline(1 << 16)
            file.seek(0)
            delimiter = max(",;\t", key=head.count)
            rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    except (OSError, ValueError, csv.Error) as e:
        raise _unreadable(path, e) from None
    wrong = next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None)
    if wrong is not None:
        raise Problem(f"{path}: row {wrong + 1} has {len(rows[wrong])} values, the first has {len(rows[0])}")
    return rows, delimiter
