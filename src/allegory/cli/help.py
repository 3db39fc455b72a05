"""What --help prints: a verb's docstring as it stands, then its flags by group. Without rich, which takes longer than all the rest."""

import inspect
import os
import re
import shutil
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

INDENT = 24
Row = tuple[str, str]


def overview(text: str, verbs: Mapping[str, str]) -> str:
    """The page of `allegory --help`."""
    rows = [*verbs.items(), ("--help, -h", "show this"), ("--version", "show the version")]
    return f"usage: allegory COMMAND ...\n\n{text}\n\n{_group('Commands', rows)}"


def page(verb: str, text: str, command: Callable[..., Any]) -> str:
    """The page of one verb: `text`, then what its signature says."""
    groups: dict[str, list[Row]] = {}
    usage = [f"usage: allegory {verb}"]
    ranked = []
    for p in inspect.signature(command).parameters.values():
        hint, options = _split(p.annotation)
        meaning = next((o.help for o in reversed(options) if getattr(o, "help", None)), "")
        if p.kind is not p.KEYWORD_ONLY:
            name = next((o.name[0] for o in options if getattr(o, "name", None)), p.name).upper()
            usage.append(f"{name} ..." if p.kind is p.VAR_POSITIONAL else name if p.default is p.empty else f"[{name}]")
            groups.setdefault("", []).append((name, meaning))
            continue
        group = next((o.group[0] for o in options if getattr(o, "group", None)), None)
        title, rank = (group.name, group.sort_key or 0) if group is not None else ("Flags", 0)
        ranked.append((rank if isinstance(rank, int) else 0, title, _flag(p, hint, options, meaning)))
    for _, title, row in sorted(ranked, key=lambda r: r[0]):
        groups.setdefault(title, []).append(row)
    body = "\n\n".join(_group(title, rows) for title, rows in groups.items())
    return f"{' '.join(usage)} [--FLAGS]\n\n{_wrapped(text)}\n\n{body}"


def _flag(p: inspect.Parameter, hint: Any, options: tuple[Any, ...], meaning: str) -> Row:
    """--name KIND, and what it means, its choices, and its default."""
    name = next((o.name[0] for o in reversed(options) if getattr(o, "name", None)), f"--{p.name.replace('_', '-')}")
    inner = [h for h in typing.get_args(hint) if h is not type(None)] if _is_union(hint) else [hint]
    notes = []
    if p.default is p.empty:
        notes.append("required")
    if bool in inner:
        name = f"--no-{name[2:]}" if p.default is True else name
    else:
        name += " " + " ".join(dict.fromkeys(_kind(h) for h in inner))
        if p.default is not p.empty and p.default not in (None, [], ()):
            notes.append(f"default: {_shown(p.default)}")
    if bool in inner and p.default is True:
        notes.append(f"do not {meaning}" if meaning else "")
        return name, notes[0]
    return name, meaning + (f" [{'; '.join(notes)}]" if notes else "")


def _kind(hint: Any) -> str:
    """A type as people write it: INT, a|b|c, FLOAT FLOAT, INT ..."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return "|".join(map(str, inner))
    if origin is tuple:
        return f"{_kind(inner[0])} ..." if inner[-1] is ... else " ".join(map(_kind, inner))
    if origin is list:
        return _kind(inner[0])
    return {str: "TEXT", int: "INT", float: "NUMBER"}.get(hint, getattr(hint, "__name__", str(hint)).upper())


def _shown(default: Any) -> str:
    return " ".join(map(str, default)) if isinstance(default, (tuple, list)) else str(default)


def _split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """A hint, and what it was annotated with."""
    if typing.get_origin(annotation) is typing.Annotated:
        return annotation.__origin__, annotation.__metadata__
    return annotation, ()


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _wrapped(text: str) -> str:
    """Paragraphs filled to the width; those with indented lines are left as they stand."""
    paragraphs = text.strip("\n").split("\n\n")
    return "\n\n".join(p if re.search(r"^ ", p, re.MULTILINE) else textwrap.fill(p, _width()) for p in paragraphs)


def _width() -> int:
    return max(60, min(110, shutil.get_terminal_size((100, 24)).columns))


def _group(title: str, rows: Iterable[Row]) -> str:
    """A heading and two columns, the second wrapped."""
    width = _width()
    lines = [_bold(title)] if title else []
    for name, meaning in rows:
        told = textwrap.wrap(meaning, width - INDENT - 2) or [""]
        if len(name) > INDENT - 2:
            lines.append(f"  {name}")
        else:
            lines.append(f"  {name.ljust(INDENT)}{told.pop(0)}".rstrip())
        lines += [" " * (INDENT + 2) + line for line in told]
    return "\n".join(lines)


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text
