"""Codes to a file, as a stream: however large the data, only a batch is in memory, and the file is whole or not there."""

import contextlib
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from allegory.core import Misuse
from allegory.core.files import atomic
from allegory.data import Source
from allegory.data.source import PARTS
from allegory.representation.reading import as_stored
from allegory.representation.representation import CHUNK, Representation

GROUP_BYTES = 8 << 20


def embed(rep: Representation, x: Any, path: Path | str, batch: int = CHUNK) -> list[Path]:
    """Writes the code of every item of `x`, in order, and gives the paths written.

    CODES.parquet: columns `row`, `id` (its path in a folder, or its own id), `label` (null where missing), `part` (train, validation or
    test: where the item falls by its content or group, so that an item that was learned from says train), `vector` (z float32).
    CODES.npy: the (n, z) float32 array, with CODES.items.csv beside it for the rest.
    Raises `Misuse` for another ending, `Problem` when the file cannot be written or the data do not fit.
    """
    path = Path(path)
    source = as_stored(x, rep.intake)
    if path.suffix == ".parquet":
        with atomic(path) as f:
            _parquet(f, rep.stream(source, batch), source)
        return [path]
    if path.suffix == ".npy":
        items = path.with_suffix(".items.csv")
        with atomic(path) as f, atomic(items) as rest:
            _npy(f, rep.stream(source, batch), len(source))
            _items(rest, source)
        return [path, items]
    raise Misuse(f"expected a file that ends in .npy or .parquet, got {path.name!r}")


def _npy(f: IO[bytes], codes: Iterator[np.ndarray], n: int) -> None:
    for i, z in enumerate(codes):
        if i == 0:
            header = {"descr": np.lib.format.dtype_to_descr(z.dtype), "fortran_order": False, "shape": (n, z.shape[1])}
            np.lib.format.write_array_header_1_0(f, header)
        f.write(np.ascontiguousarray(z).data)


def _parquet(f: IO[bytes], codes: Iterator[np.ndarray], source: Source) -> None:
    with contextlib.ExitStack() as open_writers:
        writer, at, parts = None, 0, _parts(source)
        for z in _grouped(codes):
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(z.reshape(-1)), z.shape[1])
            rows = range(at, at + len(z))
            ids = pa.array([source.id(i) for i in rows], pa.string())
            labels = pa.array([_label(source, i) for i in rows], pa.string())
            part = pa.array(parts[at : at + len(z)], pa.string())
            table = pa.table({"row": pa.array(rows, pa.int64()), "id": ids, "label": labels, "part": part, "vector": vectors})
            writer = writer or open_writers.enter_context(pq.ParquetWriter(f, table.schema))
            writer.write_table(table)
            at += len(z)


def _grouped(codes: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Batches joined into row groups of some MiB: readers are slow on many small ones."""
    waiting: list[np.ndarray] = []
    for z in codes:
        waiting.append(z)
        if sum(w.nbytes for w in waiting) >= GROUP_BYTES:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _items(f: IO[bytes], source: Source) -> None:
    text = io.TextIOWrapper(f, "utf-8", newline="")
    table = csv.writer(text)
    table.writerow(["row", "id", "label", "part"])
    table.writerows([i, source.id(i), _label(source, i), part] for i, part in enumerate(_parts(source)))
    text.flush()
    text.detach()


def _parts(source: Source) -> np.ndarray:
    """(n,) the part of every item by name, a number of bytes an item that does not depend on the item's size."""
    parts = np.empty(len(source), dtype=f"<U{max(map(len, PARTS))}")
    for part in PARTS:
        parts[source.part(part)] = part
    return parts


def _label(source: Source, i: int) -> str | None:
    """The label of item i by name; None where it is missing."""
    if source.labels is None or source.labels.values[i] < 0:
        return None
    return source.labels.names[source.labels.values[i]]
