"""A new source in the terms of the one that was learned from: the same shape, the same columns, the same codes for categories."""

from dataclasses import replace

import numpy as np

from allegory.core import Array, Parts, Problem, Spec
from allegory.data.source import Column, Source


def aligned(source: Source, raw: Spec, columns: tuple[Column, ...]) -> Source:
    """`source` as stored observations of `raw` with `columns`. A category that training did not have becomes -1 (all zeros, one-hot)."""
    if columns and source.columns:
        return source if source.columns == columns else _recoded(source, raw, columns)
    problem = _misfit(source.spec, raw)
    if problem:
        raise Problem(f"{source.name} does not fit what was learned from: {problem}")
    return source


def _misfit(new: Spec, raw: Spec) -> str:
    """Why observations of `new` cannot stand for those of `raw`; "" when they can."""
    if isinstance(new, Parts) and isinstance(raw, Parts):
        if dict(new.parts).keys() != dict(raw.parts).keys():
            return f"expected the parts {sorted(dict(raw.parts))}, got {sorted(dict(new.parts))}"
        reasons = [(name, _misfit(new[name], spec)) for name, spec in raw.parts]
        return "; ".join(f"part {name!r}: {reason}" for name, reason in reasons if reason)
    if not (isinstance(new, Array) and isinstance(raw, Array)):
        return "" if new == raw else f"expected {raw}, got {new}"
    if new.shape != raw.shape:
        return f"expected {raw}, got {new}"
    if (new.levels is None) != (raw.levels is None) or (new.levels or 0) > (raw.levels or 0):
        return f"expected pixels of {_scale(raw)}, got {_scale(new)}; rescale them to match"
    return ""


def _scale(spec: Array) -> str:
    return f"{spec.levels} levels (whole numbers from 0)" if spec.levels else "no fixed levels (real numbers)"


def _recoded(source: Source, raw: Spec, columns: tuple[Column, ...]) -> Source:
    """The columns of training, picked by name from a table; further columns are left out."""
    at = {c.name: i for i, c in enumerate(source.columns)}
    missing = [c.name for c in columns if c.name not in at]
    if missing:
        has = ", ".join(repr(c.name) for c in source.columns)
        raise Problem(f"{source.name} lacks the columns {', '.join(map(repr, missing))} that were learned from; it has {has}")
    x = np.empty((len(source), len(columns)), dtype=np.float64)
    stored = source.take(slice(None))
    for i, column in enumerate(columns):
        x[:, i] = _recode(stored[:, at[column.name]], source.columns[at[column.name]], column, source.name)
    return replace(source, x=x, spec=raw, columns=columns, keys=source.item_keys)


def _recode(values: np.ndarray, new: Column, old: Column, name: str) -> np.ndarray:
    if new.kind == "category" and not new.categories:  # an empty column: nothing is known, whatever it would have been
        return np.full(len(values), np.nan if old.kind == "number" else -1.0)
    if old.kind == "category" and not old.categories:  # it was empty in training and has no weight in the code
        return np.full(len(values), -1.0)
    if new.kind != old.kind:
        words = {"number": "numbers", "category": "categories"}
        raise Problem(f"{name}: the column {old.name!r} held {words[old.kind]} in training and holds {words[new.kind]} here")
    if old.kind == "number" or new.categories == old.categories:
        return values
    code = {category: float(i) for i, category in enumerate(old.categories)}
    lookup = np.array([*(code.get(category, -1.0) for category in new.categories), -1.0])  # the last entry serves code -1
    return lookup[np.where(np.isfinite(values), values, -1).astype(np.int64)]
