"""allegory learns representations from data without labels, and tells you honestly whether they are any good.

    import allegory as al
    x = al.load("digits")                      # or a folder, an array, a DataFrame, a torch Dataset
    rep = al.learn(x, al.SimCLR(), seed=0)
    z = rep.encode(x)
    scores = al.evaluate(rep, x)
    al.report(rep, scores, "report.html")

Importing this costs next to nothing: torch is imported with the first name that needs it. Every method is a name of this module.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
_API = ("adapt", "as_classifier", "as_estimator", "as_regressor", "default_method", "evaluate", "learn", "load", "report")
_FROM = dict.fromkeys(_API, "allegory.api") | {
    "Adapted": "allegory.adapting.adapted", "Concepts": "allegory.representation.concepts",
    "Representation": "allegory.representation", "Source": "allegory.data",
}  # fmt: skip
_PACKAGES = (
    "adapting",
    "checks",
    "core",
    "data",
    "measures",
    "methods",
    "nets",
    "objectives",
    "pages",
    "questions",
    "representation",
    "runs",
    "train",
    "views",
)


def __getattr__(name: str) -> Any:
    if name in _FROM:
        return getattr(importlib.import_module(_FROM[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"allegory.{name}")
    if name[:1].isupper():
        from allegory import methods
        from allegory.core import Misuse

        try:
            return methods.find(name)
        except Misuse as e:
            raise AttributeError(f"allegory has no {name}: {e}") from None
    raise AttributeError(f"module 'allegory' has no attribute {name!r}")


def __dir__() -> list[str]:
    from allegory import methods

    return sorted({*globals(), *_FROM, *_PACKAGES, *methods.names()})
