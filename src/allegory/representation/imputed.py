"""A table or array with what is missing filled in, as a file: what was known stays as it was written, text by text."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from allegory.core import Misuse, Problem, files
from allegory.data import Column, Source
from allegory.data.tables import NULLS, rows_of
from allegory.representation.representation import Representation

TEXTS = (".csv", ".tsv")
ENDINGS = (*TEXTS, ".npy")
BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Filled:
    """What was written: how many items, and how many of their entries were missing and are filled in."""

    path: Path
    items: int
    entries: int


def check_endings(data: Path | str, out: Path | str) -> None:
    """Raises `Misuse` unless both are tables of text, or both .npy."""
    kinds = [Path(p).suffix.lower() for p in (data, out)]
    if kinds[0] not in ENDINGS or kinds[1] not in ENDINGS or (kinds[0] in TEXTS) != (kinds[1] in TEXTS):
        raise Misuse(f"impute reads and writes .csv or .tsv, or .npy; got {data} and {out}")


def write(rep: Representation, source: Source, data: Path | str, out: Path | str, seed: int = 0) -> Filled:
    """Writes `data`, which `source` was opened from, to `out` with its missing entries filled in by `rep`; whole or not at all.

    In a table only empty cells (and NA, NaN, ? ...) of the columns that were learned from are written, numbers with six digits and
    categories by name; every other text stays. Raises `Misuse` for other files than .csv, .tsv and .npy, or where the method cannot
    complete; `Problem` when rows do not fit.
    """
    check_endings(data, out)
    full = rep.impute(source, seed)
    if Path(out).suffix.lower() == ".npy":
        missing = int((~np.isfinite(np.asarray(source.take(slice(None)), dtype=np.float64))).sum())
        with files.atomic(out) as f:
            np.lib.format.write_array(f, full, allow_pickle=False)
        return Filled(Path(out), len(source), missing)
    rows, delimiter = rows_of(Path(data))
    head, body = rows[0], rows[1:]
    if len(body) != len(source):
        raise Problem(f"{data}: {len(body)} rows, of which {len(source)} can be used; mend those that were skipped")
    entries = sum(_fill(body, head.index(column.name), column, full[:, j]) for j, column in enumerate(rep.intake.columns))
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    files.atomic_write(out, text.getvalue())
    return Filled(Path(out), len(source), entries)


def _fill(rows: list[list[str]], at: int, column: Column, values: np.ndarray) -> int:
    """Writes the missing cells of one column into `rows`, and says how many these were."""
    missing = [i for i, row in enumerate(rows) if row[at] in NULLS]
    known = {row[at] for row in rows} - set(NULLS)
    for i in missing:
        rows[i][at] = _text(column, float(values[i]), known)
    return len(missing)


def _text(column: Column, value: float, known: Sequence[str] | set[str]) -> str:
    """A value as people write it: a category by name, true and false where the column has these, a number with six digits."""
    if column.kind == "category":
        return column.categories[int(value)] if column.categories else ""
    words = {text.lower(): text for text in known}
    if known and set(words) <= set(BOOLEANS):
        return words.get("true" if value >= 0.5 else "false", "true" if value >= 0.5 else "false")
    return f"{value:.6g}"
