"""A method in a file of somebody else's: two processes find it too."""

import importlib.util
import inspect
import os
import sys
from concurrent.futures.process import BrokenProcessPool

import pytest

from allegory.checks import Breach, check_method
from allegory.checks.processes import Place, check_processes, over_processes
from allegory.methods.contrastive import simclr


@pytest.fixture
def guest(tmp_path, monkeypatch):
    """SimCLR as `Guest`, in a package outside of allegory that no path leads to."""
    path = tmp_path / "elsewhere" / "method.py"
    path.parent.mkdir()
    (path.parent / "__init__.py").touch()
    path.write_text(inspect.getsource(simclr).replace("class SimCLR", "class Guest"))
    spec = importlib.util.spec_from_file_location("elsewhere.method", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module.Guest


def test_a_guest_keeps_the_contract(guest):
    check_method(guest)


def test_its_place_is_found_from_its_file(guest, tmp_path):
    assert Place.of(guest) == Place("Guest", "elsewhere.method", str(tmp_path))


def test_a_process_that_dies_is_replaced():
    with pytest.raises(BrokenProcessPool):
        over_processes(os._exit, 1, n=1)
    assert over_processes(os.path.basename, "a/b", n=1) == ["b"]


def test_a_class_that_is_in_no_file_is_told_so(guest):
    class Inner(guest):
        pass

    with pytest.raises(Breach, match="a class at the top of a file"):
        check_processes(Inner(projection=16))
