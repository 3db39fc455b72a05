"""What is told of every item of a source, as a csv or parquet file: the least sure first, or in the order of the source.

Only a batch of items is in memory; for the order by doubt, what is told of each lies in a file without a name meanwhile, and four bytes
an item in memory.

Columns: row, id, path (where items are files), then the task's name with the class, the number, or the labels that hold with | between
them; `probability` of the class, or `low` and `high` of the number; `doubt`; and with at most 50 classes or labels the probability of each,
as p(NAME).

A text in a csv that begins with = + - @ or a tab would be run as a formula by spreadsheets, so it gets an apostrophe in front (OWASP);
numbers do not, and parquet files hold every text as it is.
"""

import contextlib
import csv
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from allegory.adapting.adapted import Adapted, Told
from allegory.core import Misuse
from allegory.core.files import atomic
from allegory.data import Source
from allegory.data.kinds import BETWEEN
from allegory.representation.reading import as_stored
from allegory.representation.representation import CHUNK

Order = Literal["uncertain", "source"]
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
MOST_COLUMNS = 50
GROUP_ROWS = 65_536
Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Written:
    """What was written: how many items, and how many texts of the csv got an apostrophe in front."""

    path: Path
    items: int
    quoted: int = 0


def write(
    adapted: Adapted, x: Any, path: Path | str, order: Order = "uncertain", root: Path | str | None = None, batch: int = CHUNK
) -> Written:
    """Writes what is told of every item of `x` to `path`, which ends in .csv or .parquet; whole or not at all.

    `root`: the folder that the items' ids are relative to, where they are files. Raises `Misuse` for another ending or order, `Problem`
    when the data do not fit or the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise Misuse(f"expected a file that ends in .csv or .parquet, got {path.name!r}")
    if order not in ("uncertain", "source"):
        raise Misuse(f"order: expected uncertain or source, got {order!r}")
    source = as_stored(x, adapted.rep.intake)
    with atomic(path) as f:
        parts = _ordered(adapted, source, batch) if order == "uncertain" else _in_turn(adapted, source, batch)
        columns = (_columns(adapted, source, rows, told, root) for rows, told in parts)
        quoted = _csv(f, columns) if path.suffix == ".csv" else _parquet(f, columns)
    return Written(path, len(source), quoted)


def _in_turn(adapted: Adapted, source: Source, batch: int) -> Iterator[tuple[np.ndarray, Told]]:
    at = 0
    for told in adapted.stream(source, batch):
        yield np.arange(at, at + len(told.doubt)), told
        at += len(told.doubt)


def _ordered(adapted: Adapted, source: Source, batch: int) -> Iterator[tuple[np.ndarray, Told]]:
    """By falling doubt; equal ones in the order of the source."""
    doubt = np.empty(len(source), dtype=np.float32)
    with tempfile.TemporaryFile() as aside:
        for rows, told in _in_turn(adapted, source, batch):
            doubt[rows] = told.doubt
            aside.write(np.ascontiguousarray(_packed(told), dtype=np.float64).data)
        aside.flush()
        width = aside.tell() // (8 * len(source))
        kept: np.ndarray = np.memmap(aside, dtype=np.float64, mode="r", shape=(len(source), width))
        for rows in np.array_split(order := np.argsort(-doubt, kind="stable"), -(-len(order) // batch)):
            yield rows, _unpacked(np.asarray(kept[rows]), adapted.task.outputs)


def _packed(told: Told) -> np.ndarray:
    ends = [] if told.low is None or told.high is None else [told.low[:, None], told.high[:, None]]
    return np.concatenate([told.values, told.doubt[:, None], *ends], 1)


def _unpacked(rows: np.ndarray, outputs: int) -> Told:
    ends = (rows[:, outputs + 1], rows[:, outputs + 2]) if rows.shape[1] > outputs + 1 else (None, None)
    return Told(rows[:, :outputs], rows[:, outputs], *ends)


def _columns(adapted: Adapted, source: Source, rows: np.ndarray, told: Told, root: Path | str | None) -> Columns:
    """The columns of some rows by name."""
    task = adapted.task
    ids = [source.id(int(i)) for i in rows]
    found: Columns = {"row": rows.tolist(), "id": ids}
    if root is not None:
        found["path"] = [str(Path(root) / i) for i in ids]
    told_as = task.name if task.name not in {*found, "probability", "low", "high", "doubt"} else f"{task.name} (told)"
    if task.kind == "class":
        best = told.values.argmax(1)
        found[told_as] = [task.names[i] for i in best]
        found["probability"] = told.values[np.arange(len(rows)), best].tolist()
    elif task.kind == "continuous":
        assert told.low is not None and told.high is not None
        found |= {told_as: told.values[:, 0].tolist(), "low": told.low.tolist(), "high": told.high.tolist()}
    else:
        found[told_as] = [BETWEEN.join(name for name, p in zip(task.names, row, strict=True) if p > 0.5) for row in told.values]
    found["doubt"] = told.doubt.tolist()
    if len(task.names) <= MOST_COLUMNS:
        found |= {f"p({name})": told.values[:, i].tolist() for i, name in enumerate(task.names)}
    return found


def _csv(f: IO[bytes], parts: Iterator[Columns]) -> int:
    """Writes and gives the count of texts that got an apostrophe."""
    # A file name that is not UTF-8 comes out as the bytes that it is.
    text, quoted = io.TextIOWrapper(f, "utf-8", errors="surrogateescape", newline=""), 0
    table = csv.writer(text)
    for i, columns in enumerate(parts):
        if i == 0:
            table.writerow([guarded(name) for name in columns])
        for row in zip(*columns.values(), strict=True):
            cells = [guarded(v) if isinstance(v, str) else f"{v:.6g}" if isinstance(v, float) else v for v in row]
            quoted += sum(isinstance(v, str) and v != cell for v, cell in zip(row, cells, strict=True))
            table.writerow(cells)
    text.flush()
    text.detach()
    return quoted


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULAS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    with contextlib.suppress(ValueError):
        float(text)
        return True
    return False


def _parquet(f: IO[bytes], parts: Iterator[Columns]) -> int:
    with contextlib.ExitStack() as open_writers:
        writer = None
        for columns in _grouped(parts):
            plain = {name: [_utf8(v) for v in values] if isinstance(values[0], str) else values for name, values in columns.items()}
            table = pa.table({_utf8(name): pa.array(values) for name, values in plain.items()})
            writer = writer or open_writers.enter_context(pq.ParquetWriter(f, table.schema))
            writer.write_table(table)
    return 0


def _utf8(text: str) -> str:
    """Parquet knows no lone surrogates, which stand for the bytes of file names that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _grouped(parts: Iterator[Columns]) -> Iterator[Columns]:
    """Batches joined into row groups: readers are slow on many small ones."""
    waiting: Columns = {}
    for columns in parts:
        waiting = columns if not waiting else {name: waiting[name] + values for name, values in columns.items()}
        if len(waiting["row"]) >= GROUP_ROWS:
            yield waiting
            waiting = {}
    if waiting:
        yield waiting
