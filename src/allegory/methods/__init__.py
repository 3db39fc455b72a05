"""The model zoo: `methods/<family>/<one file per method>.py`, found by file name; other packages add theirs by the entry point
group "allegory.methods". Names are matched without case, "_" and "-"."""

import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from allegory.core import Method, Problem, key, nearest

GROUP = "allegory.methods"


@lru_cache(maxsize=1)
def _files() -> dict[str, str]:
    """Module by key, for every method file of this package; reads the folder, imports families only."""
    found: dict[str, str] = {}
    for family in pkgutil.iter_modules(__path__):
        if family.ispkg:
            package = importlib.import_module(f"{__name__}.{family.name}")
            for file in pkgutil.iter_modules(package.__path__):
                if not file.name.startswith("_"):
                    found[key(file.name)] = f"{package.__name__}.{file.name}"
    return found


def _guests() -> dict[str, EntryPoint]:
    """Entry points of other packages, by key."""
    return {key(point.name): point for point in entry_points(group=GROUP)}


def find(name: str) -> type[Method[Any]]:
    """The class of a method by name. Raises `Misuse` with the nearest names when there is none."""
    k = key(name)
    if k in _files():
        return _class_in(_files()[k], k)
    if (guest := _guests().get(k)) is not None:
        cls = guest.load()
        if not (inspect.isclass(cls) and issubclass(cls, Method)):
            raise Problem(f"the entry point {guest.name!r} ({guest.value}) is not a Method class")
        return cls
    raise nearest(name, names(), "method")


def names() -> list[str]:
    """The class names of all methods, ours by family and then the guests'."""
    return [cls.__name__ for cls in classes()]


def classes() -> list[type[Method[Any]]]:
    """All method classes."""
    own = [_class_in(module, k) for k, module in _files().items()]
    return own + [find(guest) for guest in _guests() if guest not in _files()]


def of_families(families: Sequence[str]) -> list[type[Method[Any]]]:
    """All methods of some families. Raises `Misuse` with the nearest names for a family that there is not."""
    known = list(dict.fromkeys(cls.card.family for cls in classes()))
    for name in families:
        if name not in known:
            raise nearest(name, known, "family")
    return [cls for cls in classes() if cls.card.family in families]


@lru_cache(maxsize=512)
def _class_in(module: str, k: str) -> type[Method[Any]]:
    for name, cls in vars(importlib.import_module(module)).items():
        if inspect.isclass(cls) and issubclass(cls, Method) and key(name) == k:
            return cls
    raise Problem(f"{module} defines no method of its own name; a method's file has the snake case of its class")
