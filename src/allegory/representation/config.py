"""config.json: a closed schema from which a representation is built again. Nothing named in the file is ever imported."""

import dataclasses
import json
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from allegory import methods, views
from allegory.core import SPECS, Method, Problem, Spec, fenced, plain
from allegory.data import Intake

VERSION = 1
KEYS = {"allegory", "version", "method", "spec", "items", "dtype", "intake", "facts"}
DTYPES = {"float32": torch.float32, "float64": torch.float64}
T = TypeVar("T")


@dataclass(frozen=True)
class Config:
    """What config.json says, understood: how to build the method's nets and the intake, without their tensors."""

    method: Method[Any]
    spec: Spec
    items: int
    dtype: str
    intake: dict[str, Any]
    facts: dict[str, Any]

    def build(self) -> tuple[nn.Module, Intake]:
        """The untrained net and an intake without its numbers. Raises `Problem` when the settings do not make sense."""
        try:
            intake = Intake.from_config(self.intake)
            with fenced(0):
                net = self.method.build(self.spec, self.items)
        except Problem:
            raise
        except Exception as e:
            raise Problem(f"the settings of {type(self.method).__name__} do not make a net: {e}") from e
        if intake.spec != self.spec:
            raise Problem(f"the intake gives {intake.spec}, but the method was learned on {self.spec}")
        return net.to(DTYPES[self.dtype]), intake

    def written(self) -> dict[str, Any]:
        """JSON values. Raises `Problem` for what would not come back equal."""
        data = {
            "allegory": "representation", "version": VERSION, "method": plain.plain(self.method), "spec": plain.plain(self.spec),
            "items": self.items, "dtype": self.dtype, "intake": self.intake, "facts": self.facts,
        }  # fmt: skip
        try:
            again = read(json.loads(json.dumps(data, allow_nan=False)), known=(type(self.method),))
        except (TypeError, ValueError) as e:
            raise Problem(f"this representation cannot be written down: {e}") from e
        if again.method != self.method or again.spec != self.spec:
            raise Problem(f"the settings of {type(self.method).__name__} do not come back equal from JSON; use numbers, strings and tuples")
        return data


def read(data: Any, known: Sequence[type[Method[Any]]] = ()) -> Config:
    """The meaning of config.json's content. Unknown methods, fields, keys and types raise `Problem`.

    `known`: method classes that no package registers, beside those that one does.
    """
    if not isinstance(data, dict) or data.get("allegory") != "representation":
        raise Problem("config.json does not describe a representation of allegory")
    if data.get("version") != VERSION:
        raise Problem(f"config.json has format version {data.get('version')!r}, this allegory reads {VERSION}; use the one that wrote it")
    if set(data) != KEYS:
        raise Problem(f"config.json: expected exactly {', '.join(sorted(KEYS))}; differing: {', '.join(sorted(set(data) ^ KEYS))}")
    items, dtype = data["items"], data["dtype"]
    if type(items) is not int or not 0 <= items < 2**48 or dtype not in DTYPES or not isinstance(data["facts"], dict):
        raise Problem(f"config.json: expected a count of items, float32 or float64, and facts; got {items!r}, {dtype!r}")
    method = _checked(lambda: plain.restore(data["method"], _kinds(data["method"], known), Method, "method"))
    spec = _checked(lambda: plain.restore(data["spec"], SPECS, Spec, "spec"))
    return Config(method, spec, items, dtype, data["intake"], data["facts"])


def _kinds(data: Any, known: Sequence[type[Method[Any]]]) -> dict[str, type]:
    """The classes that may occur in a method's settings: methods, views, and the dataclasses that those methods' code has as fields."""
    found: dict[str, type] = dict(views.VIEWS)
    given = {cls.__name__: cls for cls in known}
    cls = _method(data.get(plain.KIND) if isinstance(data, dict) else None, given)
    found |= {c.__name__: c for c in _named_by(cls)}
    for name in _names_in(data) - set(found):
        found |= {c.__name__: c for c in _named_by(_method(name, given))}
    return found


def _method(name: Any, given: dict[str, type[Method[Any]]]) -> type[Method[Any]]:
    if not isinstance(name, str):
        raise Problem(f"config.json: expected the name of a method, got {name!r}")
    cls = given.get(name) or methods.find(name)
    if cls.__name__ != name:
        raise Problem(f"config.json: there is no method {name!r}, only {cls.__name__}")
    return cls


def _names_in(data: Any) -> set[str]:
    """Every class name in plain data."""
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    own = {data[plain.KIND]} if isinstance(data, dict) and isinstance(data.get(plain.KIND), str) else set()
    return own.union(*(_names_in(v) for v in inner))


def _named_by(cls: type) -> set[type]:
    """`cls` and the dataclasses in its type hints, theirs included."""
    found: set[type] = set()
    waiting: list[Any] = [cls]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind not in found:
            found.add(kind)
            hints = typing.get_type_hints(kind)
            waiting += [hints[f.name] for f in dataclasses.fields(kind)]
        waiting += [a for a in typing.get_args(kind) if not isinstance(a, str)]
    return found


def _checked(f: Callable[[], T]) -> T:
    """`f()`; a constructor that refuses its values raises `Problem`."""
    try:
        return f()
    except Problem:
        raise
    except Exception as e:
        raise Problem(f"config.json holds settings that are not possible: {e}") from e
