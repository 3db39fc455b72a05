"""Frozen dataclasses to plain JSON values and back, by a closed schema: nothing named in a file is ever imported or called."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from allegory.core.errors import Problem

KIND = "is"


def plain(value: Any) -> Any:
    """JSON values of a dataclass ({"is": its class name, **fields}), tuple, mapping or scalar."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {KIND: type(value).__name__, **fields}
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise Problem(f"a setting of type {type(value).__name__} cannot be written down; use numbers, strings and frozen dataclasses")


def restore(data: Any, known: Mapping[str, type], expected: Any = Any, where: str = "config") -> Any:
    """The value that `plain` wrote. `known` maps the class names that may occur; types are checked against `expected`."""
    origin = typing.get_origin(expected)
    if origin in (typing.Union, types.UnionType):
        return _restore_union(data, known, expected, where)
    if isinstance(data, dict) and KIND in data:
        value = _restore_dataclass(data, known, where)
        kind = origin or expected
        if isinstance(kind, type) and kind is not Any and not isinstance(value, kind):
            raise Problem(f"{where}: expected a {kind.__name__}, got a {type(value).__name__}")
        return value
    if origin is typing.Literal:
        if data not in typing.get_args(expected):
            raise Problem(f"{where}: expected one of {', '.join(map(repr, typing.get_args(expected)))}, got {data!r}")
        return data
    if origin is tuple or expected is tuple:
        return _restore_tuple(data, known, expected, where)
    if origin in (dict, Mapping) or expected is dict:
        return _restore_mapping(data, known, expected, where)
    return _restore_scalar(data, expected, where)


def _restore_dataclass(data: dict[str, Any], known: Mapping[str, type], where: str) -> Any:
    name = data[KIND]
    if not isinstance(name, str) or name not in known:
        raise Problem(f"{where}: {name!r} is not a known kind here; known: {', '.join(sorted(known))}")
    cls = known[name]
    hints = typing.get_type_hints(cls)
    names = {f.name for f in dataclasses.fields(cls) if f.init or name == "Parts"}
    unknown = set(data) - names - {KIND}
    if unknown:
        raise Problem(f"{where}: {name} has no setting {', '.join(sorted(unknown))}; it has {', '.join(sorted(names))}")
    values = {k: restore(v, known, hints.get(k, Any), f"{where}.{k}") for k, v in data.items() if k != KIND}
    try:
        return cls(**values)
    except TypeError as e:
        raise Problem(f"{where}: {name} cannot be made from these settings: {e}") from None


def _restore_union(data: Any, known: Mapping[str, type], expected: Any, where: str) -> Any:
    options = typing.get_args(expected)
    if data is None and type(None) in options:
        return None
    reasons = []
    for option in sorted((o for o in options if o is not type(None)), key=lambda o: o is float):
        try:
            return restore(data, known, option, where)
        except Problem as e:
            reasons.append(str(e))
    raise Problem(reasons[0])


def _restore_tuple(data: Any, known: Mapping[str, type], expected: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, (list, tuple)):
        raise Problem(f"{where}: expected a list, got {data!r}")
    kinds = typing.get_args(expected)
    if not kinds:
        kinds = (Any, ...)
    if len(kinds) == 2 and kinds[1] is ...:
        kinds = (kinds[0],) * len(data)
    if len(kinds) != len(data):
        raise Problem(f"{where}: expected {len(kinds)} values, got {len(data)}")
    return tuple(restore(v, known, k, f"{where}[{i}]") for i, (v, k) in enumerate(zip(data, kinds, strict=True)))


def _restore_mapping(data: Any, known: Mapping[str, type], expected: Any, where: str) -> dict[str, Any]:
    if not isinstance(data, dict) or not all(isinstance(k, str) for k in data):
        raise Problem(f"{where}: expected names with values, got {data!r}")
    kind = (*typing.get_args(expected), Any, Any)[1]
    return {k: restore(v, known, kind, f"{where}.{k}") for k, v in data.items()}


def _restore_scalar(data: Any, expected: Any, where: str) -> Any:
    if expected is Any:
        return tuple(data) if isinstance(data, list) else data
    if expected is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    wrong = not isinstance(data, expected) or (isinstance(data, bool) and expected in (int, float))
    if wrong:
        raise Problem(f"{where}: expected {getattr(expected, '__name__', expected)}, got {data!r}")
    return data
