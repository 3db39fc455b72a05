"""Checks of what a method is: a frozen value with a card, before anything runs."""

import dataclasses
import inspect
import math
import re
import typing
from typing import Any

from allegory.checks.laws import LAWS
from allegory.checks.trial import RUN, Breach, expect, listed, resolved, written
from allegory.core import Card, Method, Optim, can
from allegory.representation import config
from allegory.train import Settings

DEEPEST = 3
KINDS = ("image", "vector", "marks", "sequence", "set", "graph", "tokens", "parts")
HEADINGS = ("Model", "Objective", "Notation", "When it fails", "Reference")
OBJECTIVE = re.compile(r"minimi[sz]|maximi[sz]|least|greatest|smallest|largest|solves|descends", re.IGNORECASE)


def check_value(method: Method[Any]) -> None:
    """A final frozen dataclass, at most 3 below Method, under no other final class."""
    cls = type(method)
    params = cls.__dict__.get("__dataclass_params__")
    expect(params is not None and params.frozen, "a frozen dataclass", cls.__name__, "put @dataclass(frozen=True) on the class itself")
    expect("__final__" in cls.__dict__, "a final class", cls.__name__, "put @final above @dataclass(frozen=True)")
    over = [c for c in cls.__mro__[1:] if c is not Method and issubclass(c, Method)]
    concrete = [c.__name__ for c in over if "__final__" in c.__dict__]
    expect(not concrete, "no concrete class as a base", listed(concrete), "inherit from the family's template instead")
    expect(len(over) < DEEPEST, f"at most {DEEPEST} classes below Method", len(over) + 1, "flatten the classes")


def check_constructor(method: Method[Any]) -> None:
    """The constructor stores every field as it was given, and does nothing else."""
    cls, fields = type(method), [f for f in dataclasses.fields(method) if f.init]
    own = [c.__name__ for c in cls.__mro__ if "__init__" in c.__dict__ and "__dataclass_fields__" not in c.__dict__ and c is not object]
    expect(set(own) <= {"Protocol", "Generic"}, "the constructor that dataclass makes", f"__init__ of {listed(own)}", "delete it")
    taken = list(inspect.signature(cls).parameters)
    expect(sorted(taken) == sorted(f.name for f in fields), f"the arguments {sorted(f.name for f in fields)}", taken, "delete __init__")
    derived = [f.name for f in dataclasses.fields(method) if not f.init]
    expect(not derived, "fields that are arguments", f"the derived {listed(derived)}", "make them properties")
    values = {f.name: _fresh(getattr(method, f.name)) for f in fields}
    again = cls(**values)
    moved = [name for name, value in values.items() if getattr(again, name) is not value]
    expect(not moved, "every field stored as given", f"{listed(moved)} changed", "derive other values in `resolved`, `build` or a property")
    extra = set(vars(again)) - set(values)
    expect(not extra, "nothing stored beside the fields", listed(extra), "compute them where they are used")
    hash(method)


def _fresh(value: Any) -> Any:
    """An equal object of its own, where Python makes one, so that a changed value is noticed."""
    return type(value)(value) if type(value) in (list, dict, set) else value


def check_card(method: Method[Any]) -> None:
    """The card is complete: every fact, the paper with its year and equation, at least one claim, one expected failure at most."""
    card = method.card
    expect(isinstance(card, Card), "a Card", type(card).__name__, "set `card: ClassVar[Card] = Card(...)`")
    empty = [
        f.name for f in dataclasses.fields(card) if isinstance(v := getattr(card, f.name), str) and not v.strip() and f.name != "xfail"
    ]
    empty += [f"paper.{f.name}" for f in dataclasses.fields(card.paper) if not str(getattr(card.paper, f.name)).strip()]
    empty += [name for name in ("specs", "claims") if not getattr(card, name)]
    expect(not empty, "every fact of the card", f"empty {listed(empty)}", "fill it in")
    paper = card.paper
    expect(1600 < paper.year < 2200, "the year of the paper", paper.year, "look it up")
    expect(paper.url.startswith("https://"), "an https address of the paper", paper.url, "give its DOI or arXiv page")
    _check_choices(card, "card")
    _check_choices(card.code, "card.code")
    expect(
        set(card.specs) <= set(KINDS), f"kinds of observation out of {', '.join(KINDS)}", listed(set(card.specs) - set(KINDS)), "name those"
    )
    expect(set(card.laws) <= set(LAWS), f"laws out of {', '.join(LAWS)}", listed(set(card.laws) - set(LAWS)), "name those, or add a law")
    expect(not card.groups or card.supervision == "labels", "groups only in place of labels", card.supervision, 'say supervision="labels"')
    _check_tiny(method)
    _check_dial(method)
    for claim in card.claims:
        said = claim.question and claim.metric and claim.data and math.isfinite(claim.at_least) and claim.seeds > 0
        expect(bool(said), "a claim with question, metric, data and a finite least value", claim, "fill it in")
        unknown = set(claim.recipe) - _fields(type(method)) - _fields(Settings) - _fields(Optim) - {"labels", "all"}
        expect(not unknown, "claims whose recipe names settings", listed(unknown), "name fields of the method or settings of learn")
    if card.xfail:
        expect(bool(re.fullmatch(r"check_\w+: .+", card.xfail)), 'xfail as "check_NAME: the reason"', card.xfail, "write it so")


def _check_choices(value: Any, where: str) -> None:
    hints = typing.get_type_hints(type(value))
    for f in dataclasses.fields(value):
        allowed = typing.get_args(hints[f.name]) if typing.get_origin(hints[f.name]) is typing.Literal else None
        got = getattr(value, f.name)
        expect(allowed is None or got in allowed, f"{where}.{f.name} out of {allowed}", repr(got), "choose one of them")


def _check_tiny(method: Method[Any]) -> None:
    known = _fields(type(method)) | set(RUN)
    for name, value in method.card.tiny.items():
        expect(name in known, f"card.tiny with the names {', '.join(sorted(known))}", name, "name fields, steps or batch")
        sizes = isinstance(value, int) or (isinstance(value, tuple) and all(isinstance(v, int) for v in value))
        expect(sizes, "card.tiny to change sizes and steps only", f"{name} = {value!r}", "take it out")


def _check_dial(method: Method[Any]) -> None:
    dial = method.card.dial
    if dial is None:
        return
    expect(dial.field in _fields(type(method)), "a dial that is a field of the method", dial.field, "name one")
    rising = len(dial.values) > 2 and list(dial.values) == sorted(set(dial.values))
    expect(rising, "at least three rising values of the dial", dial.values, "choose values that show the trade")
    expect(
        "rate_distortion" in can(method), "a method with a dial to say its rate", "none", "write `rate_distortion`, or take the dial out"
    )


def _fields(cls: type) -> set[str]:
    return {f.name for f in dataclasses.fields(cls)}


def check_docstring(method: Method[Any]) -> None:
    """The docstrings are the docs page: year and objective in the class's, every field explained, and the module's five headings."""
    cls = type(method)
    doc = cls.__dict__.get("__doc__") or ""
    expect(not doc.startswith(f"{cls.__name__}("), "a docstring of the class", "none", "say in one line what it minimises")
    expect(str(method.card.paper.year) in doc, f"the year {method.card.paper.year} in the class's docstring", repr(doc), "cite the paper")
    expect(bool(OBJECTIVE.search(doc)), 'the objective in the class\'s docstring ("minimises ...")', repr(doc), "say it in a line")
    told = " ".join(inspect.getdoc(c) or "" for c in cls.__mro__ if issubclass(c, Method))
    silent = [f.name for f in dataclasses.fields(method) if f.name != "views" and not re.search(rf"\b{f.name}\b", told)]
    expect(not silent, "every field explained in the class's docstring", f"nothing on {listed(silent)}", 'add a line "name: meaning"')
    page = f"{inspect.getdoc(inspect.getmodule(cls)) or ''}\n{doc}"
    missing = [h for h in HEADINGS if f"**{h}.**" not in page]
    expect(
        not missing,
        "the headings of a docs page in the module's docstring",
        f"none of {listed(missing)}",
        "write them as the methods of allegory do",
    )


def check_json(method: Method[Any]) -> None:
    """The method goes to JSON and comes back equal."""
    told = written(method)
    full, again = resolved(method), config.read(told, known=(type(method),)).method
    if again != full or type(again) is not type(full):
        raise Breach(f"expected {full} back from JSON; got {again}. Use numbers, strings, tuples and frozen dataclasses as fields")
