"""Runs the contract that every method must keep: pure losses, honest gradients, codes that do not depend on their neighbours ...

  allegory check SimCLR
  allegory check my_package.my_module:MyMethod
  allegory check my_method.py:MyMethod

Each line says what is guaranteed; a failure says what was expected, what came, and what to do. Exit code 1 when one fails.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from allegory.cli.told import Json


def run(
    target: Annotated[str, Parameter(help="a registered method, or MODULE:CLASS, or FILE.py:CLASS")],
    /,
    *,
    json: Json = False,
) -> int:
    """Checks and tells."""
    from allegory import checks
    from allegory.cli import judge

    cls = loaded(target)
    results = checks.check(cls)
    broken = [r for r in results if not r.ok]
    if json:
        judge.show_json({"method": cls.__name__, "ok": not broken, "checks": [vars(r) for r in results]})
        return 1 if broken else 0
    marks = {"passed": "ok  ", "failed": "FAIL", "expected failure": "xfail"}
    for r in results:
        print(f"{marks[r.state]} {r.check.removeprefix('check_').replace('_', ' ')} ({r.seconds:.1f} s): {r.guarantee}")
        if r.text:
            print(f"     {r.text}")
    print(f"{cls.__name__}: {len(results) - len(broken)} of {len(results)} checks hold")
    return 1 if broken else 0


def loaded(target: str) -> Any:
    """The class that a person named. Raises `Misuse` when there is none."""
    from allegory import methods
    from allegory.core import Method, Misuse, nearest

    where, colon, name = target.rpartition(":")
    if not colon:
        return methods.find(target)
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else _from_path(where)
    except ImportError as e:
        raise Misuse(f"cannot import {where}: {e}") from e
    found = {k: v for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, Method)}
    if name not in found:
        raise nearest(name, list(found), f"method class in {where}:") if found else Misuse(f"{where} defines no Method class")
    return found[name]


def _from_path(name: str) -> Any:
    """A module that can be imported from here."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def _from_file(path: Path) -> Any:
    """A module from its file."""
    from allegory.core import Misuse

    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise Misuse(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
