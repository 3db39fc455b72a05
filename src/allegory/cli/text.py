"""Words and columns for the terminal."""

import dataclasses
import typing
from collections.abc import Sequence
from typing import Any

from allegory.cli.flags import meanings, sayable
from allegory.core import Method, can, plain


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in (head, *rows))


def pairs(facts: dict[str, str]) -> str:
    """A fact a line, words aligned."""
    width = max(map(len, facts))
    return "\n".join(f"{name.ljust(width)}  {words}" for name, words in facts.items())


def facts_of(cls: type[Method[Any]]) -> dict[str, Any]:
    """A method's card, fields and capabilities as JSON values."""
    card = plain.plain(cls.card)
    return {"name": cls.__name__, **{k: v for k, v in card.items() if k != plain.KIND}, "can": list(can(cls)), "settings": settings_of(cls)}


def settings_of(cls: type[Method[Any]]) -> list[dict[str, Any]]:
    """Every field: name, default, meaning, and whether it is a flag."""
    told, hints = meanings(cls), typing.get_type_hints(cls)
    return [
        {"name": f.name, "default": plain.plain(f.default), "meaning": told.get(f.name), "flag": sayable(hints[f.name])}
        for f in dataclasses.fields(cls)
    ]
