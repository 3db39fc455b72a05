"""The questions: `questions/uses/` (what a representation enables) and `questions/nature/` (what it is), one a file, found by file name.

Names are matched without case, "_" and "-". `USUAL` ones are asked after every learning.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import Literal

from allegory.core import Problem, key, nearest
from allegory.questions import nature, uses
from allegory.questions.question import Question

Group = Literal["uses", "nature"]
PACKAGES = {"uses": uses, "nature": nature}
FIRST = ("few_labels", "linear_probe", "knn")  # what people look for first; the others by name


@cache
def registered() -> dict[str, type[Question]]:
    """The class of every question by name: those of use first, then those of nature."""
    found: dict[str, type[Question]] = {}
    for package in PACKAGES.values():
        files = (f.name for f in pkgutil.iter_modules(package.__path__) if not f.name.startswith("_"))
        found |= {name: _class_in(f"{package.__name__}.{name}", name) for name in sorted(files, key=_place)}
    return found


def _place(name: str) -> tuple[int, str]:
    return (FIRST.index(name) if name in FIRST else len(FIRST)), name


def _class_in(module: str, name: str) -> type[Question]:
    for cls in vars(importlib.import_module(module)).values():
        if inspect.isclass(cls) and issubclass(cls, Question) and getattr(cls, "card", None) is not None and cls.card.name == name:
            return cls
    raise Problem(f"{module} defines no question of its own name; a question's file has the name on its card")


def group(cls: type[Question]) -> Group:
    """Whether it asks what a representation enables, or what it is."""
    return "uses" if cls.__module__.startswith(uses.__name__) else "nature"


def find(name: str) -> type[Question]:
    """The class of a question by name. Raises `Misuse` with the nearest names when there is none."""
    known = {key(n): cls for n, cls in registered().items()}
    if key(name) not in known:
        raise nearest(name, list(registered()), "question")
    return known[key(name)]


def chosen(questions: Sequence[Question | str] | Literal["usual", "all"] | None) -> list[Question]:
    """Questions by name or value; "usual" (also None) and "all" stand for those."""
    if questions is None or questions == "usual":
        return [cls() for cls in registered().values() if cls.card.usual]
    if questions == "all":
        return [cls() for cls in registered().values()]
    named = [questions] if isinstance(questions, str) else questions
    return [q if isinstance(q, Question) else find(q)() for q in named]
