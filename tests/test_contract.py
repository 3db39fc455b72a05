"""Every registered method keeps the contract: one test a method and check."""

import pytest

from allegory import methods
from allegory.checks import checks_for, run, tiny

PAIRS = [(cls, check) for cls in methods.classes() for check in checks_for(cls)]


@pytest.mark.parametrize(("cls", "check"), PAIRS, ids=[f"{cls.__name__}-{check.__name__}" for cls, check in PAIRS])
def test_contract(cls, check):
    result = run(check, tiny(cls))
    if result.state == "expected failure":
        pytest.xfail(result.text)
    assert result.ok, result.text


def test_every_method_is_of_its_folder_and_named_after_its_file():
    for cls in methods.classes():
        if cls.__module__.startswith("allegory."):
            family, file = cls.__module__.split(".")[-2:]
            assert family == cls.card.family
            assert methods.key(file) == methods.key(cls.__name__)
