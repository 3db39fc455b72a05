"""Each check catches the bug that was planted for it, and lets the sound method pass."""

import dataclasses

import pytest
from checks.planted import PLANTED, OneDirection, Sound

from allegory import checks
from allegory.checks import CHECKS, Breach, check, check_method, run

BY_NAME = {each.__name__: each for each in CHECKS}


@pytest.mark.parametrize(("name", "cls", "says"), PLANTED, ids=[f"{name}-{cls.__name__}" for name, cls, _ in PLANTED])
def test_a_planted_bug_is_caught(name, cls, says):
    result = run(BY_NAME[name], cls())
    assert result.state == "failed"
    assert says in result.text


def test_every_check_has_a_planted_bug():
    assert set(BY_NAME) == {name for name, _, _ in PLANTED}


def test_the_sound_method_passes():
    results = check(Sound)
    assert [r.check for r in results if not r.ok] == []
    assert {r.check for r in results} == set(BY_NAME)


def test_every_check_says_what_it_guarantees():
    for each in CHECKS:
        assert each.__name__.startswith("check_")
        assert each.__doc__.split("\n")[0].endswith(".")


def test_check_method_raises_with_all_that_is_broken():
    check_method(Sound)
    with pytest.raises(Breach, match=r"(?s)check_value: .*check_docstring: .*check_effective_rank: expected an effective rank above 1\.5"):
        check_method(dataclasses.make_dataclass("Two", [], bases=(OneDirection,), frozen=True))


def test_an_expected_failure_is_named_on_the_card_and_must_fail():
    excused = dataclasses.replace(OneDirection.card, xfail="check_effective_rank: it has one direction by design")
    expected = type("Expected", (OneDirection,), {"card": excused})
    assert run(BY_NAME["check_effective_rank"], expected()).state == "expected failure"
    outdated = type("Outdated", (Sound,), {"card": excused})
    result = run(BY_NAME["check_effective_rank"], outdated())
    assert not result.ok
    assert "Take xfail from the card" in result.text


def test_a_method_that_cannot_be_made_is_one_failed_result():
    class Needy(Sound):
        def __init__(self):
            raise RuntimeError("no")

    (result,) = checks.check(Needy)
    assert (result.check, result.state, result.text) == ("construction", "failed", "RuntimeError: no")
