"""The contract that every method keeps, and whoever writes one may run: `allegory check my_package.my_module:MyMethod`.

    from allegory.checks import check_method

    def test_contract():
        check_method(MyMethod)

Each check is a function of a method at tiny size that raises `Breach` with what was expected, what came and what to do.
"""

from allegory.checks.contract import CHECKS, Check, Result, check, check_method, checks_for, run
from allegory.checks.trial import Breach, tiny

__all__ = ["CHECKS", "Breach", "Check", "Result", "check", "check_method", "checks_for", "run", "tiny"]
