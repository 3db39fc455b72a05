"""The scripts of docs/labs as modules."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

LABS = Path(__file__).resolve().parents[2] / "docs" / "labs"


def lab_named(name: str) -> ModuleType:
    """docs/labs/NAME.py, loaded and not run."""
    spec = importlib.util.spec_from_file_location(name, LABS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # data classes look their module up
    spec.loader.exec_module(module)
    return module
