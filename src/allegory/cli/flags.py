"""Flags from dataclasses: a field is a flag, its default the flag's, its meaning what the class docstring says after "name:"."""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from cyclopts import App, Group, Parameter

KIND = inspect.Parameter.KEYWORD_ONLY
SIMPLE = (int, float, str, bool, type(None))


def parameters(cls: type, title: str, defaults: Mapping[str, Any] | None = None, rank: int = 0) -> list[inspect.Parameter]:
    """The flags of a dataclass, in a group of the help. `defaults`: to be shown in place of the class's own.

    Fields that no command line can say (views, other methods) are left out.
    """
    group, told, hints = Group(title, sort_key=rank), meanings(cls), typing.get_type_hints(cls, include_extras=True)
    found = []
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        if not sayable(hint):
            continue
        default = (defaults or {}).get(field.name, _default(field))
        extra: dict[str, Any] = {} if _is_bool(hint) and (default or default is None) else {"negative": ()}
        if _is_tuple(hint):
            extra["consume_multiple"] = True
        own = hint.__metadata__ if typing.get_origin(hint) is typing.Annotated else ()
        bare = hint.__origin__ if own else hint
        annotation = annotated(bare, Parameter(group=group, help=told.get(field.name), **extra), *own)
        found.append(inspect.Parameter(field.name, KIND, default=default, annotation=annotation))
    return found


def annotated(hint: Any, *extra: Any) -> Any:
    """Annotated with metadata known at run time only."""
    return typing.Annotated.__class_getitem__((hint, *extra))  # type: ignore[attr-defined]


def meanings(cls: type) -> dict[str, str]:
    """What the docstrings of a dataclass and its bases say of each field: "tau: temperature. hidden, projection: widths of the head"."""
    names = {f.name for f in dataclasses.fields(cls)}
    found: dict[str, str] = {}
    for base in cls.__mro__:
        text = " ".join(inspect.cleandoc(base.__dict__.get("__doc__") or "").split())
        marks = [m for m in re.finditer(r"(?:^|(?<=[.;)] ))(\w+(?:, \w+)*): ", text) if names & set(m[1].split(", "))]
        for mark, following in zip(marks, [*marks[1:], None], strict=False):
            meaning = text[mark.end() : following.start() if following else None].strip(" .;")
            for name in mark[1].split(", "):
                found.setdefault(name, meaning)
    return found


def sayable(hint: Any) -> bool:
    """Whether values of this type can be said on a command line: numbers, texts, booleans, choices, tuples and lists of these, or none."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return sayable(inner[0])
    if origin in (typing.Union, types.UnionType):
        return all(map(sayable, inner))
    if origin in (tuple, list):
        return all(a is ... or sayable(a) for a in inner)
    return origin is typing.Literal or hint in SIMPLE


def normalised(tokens: Sequence[str], app: App) -> list[str]:
    """`tokens` with every flag as `app` writes it: names are matched without case, "_" and "-". Raises `Misuse` for unknown flags."""
    known = {squashed(name): name for argument in app.assemble_argument_collection() for name in argument.names if name.startswith("--")}
    out: list[str] = []
    for i, token in enumerate(tokens):
        if token == "--":
            return [*out, *tokens[i:]]
        flag, equals, value = token.partition("=")
        if not is_flag(token):
            out.append(token)
            continue
        if squashed(flag) not in known:
            from allegory.core import nearest

            raise nearest(flag, list(dict.fromkeys(known.values())), "flag")
        out.append(known[squashed(flag)] + equals + value)
    return out


def is_flag(token: str) -> bool:
    """--name, --name=value"""
    return token.startswith("--") and len(token) > 2


def squashed(flag: str) -> str:
    """The form in which flags are compared; --no-x stays apart from --nox."""
    name = flag[2:].lower().replace("_", "-")
    return ("no " if name.startswith("no-") else "") + name.removeprefix("no-").replace("-", "")


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else None


def _is_bool(hint: Any) -> bool:
    return hint is bool or bool in typing.get_args(hint)


def _is_tuple(hint: Any) -> bool:
    return any(typing.get_origin(h) is tuple for h in (hint, *typing.get_args(hint)))
