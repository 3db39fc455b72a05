"""Dataclasses to JSON and back, by a closed schema."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from allegory.core import SPECS, Array, Parts, Problem, Seq, Set, Spec, Tokens
from allegory.core.plain import plain, restore


@dataclass(frozen=True)
class Inner:
    scale: float = 1.0


@dataclass(frozen=True)
class Outer:
    width: int
    name: Literal["a", "b"] = "a"
    inner: Inner | None = None
    sizes: tuple[int, ...] = ()
    pair: tuple[float, float] = (0.0, 1.0)
    flag: bool = False
    extra: dict[str, int] = field(default_factory=dict)
    either: int | float = 0
    anything: Any = None


KNOWN = {"Inner": Inner, "Outer": Outer}


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(plain(value)))


@pytest.mark.parametrize(
    "value",
    [
        Outer(3),
        Outer(3, "b", Inner(0.5), (1, 2), (0.25, 2.0), True, {"k": 1}, 0.5, (1, "x")),
        Outer(3, inner=Inner(2.0), either=7),
    ],
)
def test_there_and_back(value):
    assert restore(through_json(value), KNOWN, Outer) == value


@pytest.mark.parametrize("spec", [Array((3, 8, 8), 256), Seq(Parts({"a": Array((2,)), "b": Tokens(9, 4)}), 7), Set(Array((1,)))])
def test_specs_there_and_back(spec):
    assert restore(through_json(spec), SPECS, Spec) == spec


def test_whole_numbers_stand_for_real_ones_but_not_the_other_way():
    assert restore({"is": "Inner", "scale": 2}, KNOWN).scale == 2.0 and isinstance(restore({"is": "Inner", "scale": 2}, KNOWN).scale, float)
    with pytest.raises(Problem, match=r"config.width: expected int, got 2.5"):
        restore({"is": "Outer", "width": 2.5}, KNOWN)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"is": "os.system", "command": "x"}, r"'os.system' is not a known kind here; known: Inner, Outer"),
        ({"is": ["Inner"]}, r"is not a known kind"),
        ({"is": "Outer", "width": 1, "depth": 2}, r"Outer has no setting depth; it has"),
        ({"is": "Outer"}, r"cannot be made from these settings"),
        ({"is": "Outer", "width": "3"}, r"config.width: expected int, got '3'"),
        ({"is": "Outer", "width": True}, r"config.width: expected int, got True"),
        ({"is": "Outer", "width": 1, "flag": 1}, r"config.flag: expected bool, got 1"),
        ({"is": "Outer", "width": 1, "name": "c"}, r"config.name: expected one of 'a', 'b', got 'c'"),
        ({"is": "Outer", "width": 1, "sizes": [1, "2"]}, r"config.sizes\[1\]: expected int"),
        ({"is": "Outer", "width": 1, "sizes": 3}, r"config.sizes: expected a list, got 3"),
        ({"is": "Outer", "width": 1, "pair": [1.0]}, r"config.pair: expected 2 values, got 1"),
        ({"is": "Outer", "width": 1, "inner": {"is": "Outer", "width": 1}}, r"config.inner: expected a Inner, got a Outer"),
        ({"is": "Outer", "width": 1, "inner": {"scale": 1.0}}, r"config.inner: expected Inner"),
        ({"is": "Outer", "width": 1, "inner": 5}, r"config.inner: expected Inner, got 5"),
    ],
)
def test_anything_unexpected_is_refused_with_its_place(data, line):
    with pytest.raises(Problem, match=line):
        restore(data, KNOWN, Outer)


def test_what_cannot_be_written_down_is_refused():
    with pytest.raises(Problem, match=r"a setting of type object cannot be written down"):
        plain({"a": object()})
    with pytest.raises(Problem, match=r"type type"):
        plain(Inner)
