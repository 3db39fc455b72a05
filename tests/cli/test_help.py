"""Help is quick, complete, and knows every setting."""

import dataclasses
import resource
import subprocess
import sys

import pytest

from allegory import methods
from allegory.cli import main, told
from allegory.cli.flags import meanings
from allegory.cli.main import VERBS
from allegory.core import Optim
from allegory.train import Settings

QUICK = 0.3  # seconds of computing; on an idle machine that is the time one waits


@pytest.mark.parametrize("code", ["import allegory", "run('--help')", "run('learn', '--help')"])
def test_quick_and_without_torch(code):
    program = f"""
import sys
def run(*tokens):
    from allegory.cli import main
    assert main(tokens) == 0
{code}
assert not {{"torch", "numpy", "rich"}} & set(sys.modules), sorted(sys.modules)
"""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < QUICK


def test_every_setting_of_training_is_a_flag():
    fields = {f.name for f in dataclasses.fields(Settings)} - {"optim", "optims"}
    assert {f.name for f in dataclasses.fields(told.Training)} == fields | {"seeds"}
    optim = {f.name for f in dataclasses.fields(Optim)} - {"name"}
    assert {f.name for f in dataclasses.fields(told.Optimiser)} == optim | {"optim"}


@pytest.mark.parametrize("cls", [*told.GROUPS, *methods.classes()], ids=lambda cls: cls.__name__)
def test_every_flag_has_a_meaning(cls):
    missing = {f.name for f in dataclasses.fields(cls)} - set(meanings(cls)) - {"views"}
    assert not missing


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_teaches(verb, capsys):
    assert main([verb, "--help"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: allegory {verb}") and not err
    assert f"  allegory {verb}" in out, "an example"
    assert "--json" in out
    assert max(map(len, out.splitlines())) <= 120


def test_the_overview_names_every_verb(capsys):
    assert main([]) == main(["--help"]) == main(["help"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {verb} " in out for verb in VERBS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "0.1.0\n"


def test_a_methods_help_shows_its_fields_with_meaning_and_default(capsys):
    assert main(["learn", "--method", "sim_clr", "--help"]) == 0
    out = capsys.readouterr().out
    assert "SimCLR's own" in out and "temperature [default: 0.2]" in out.replace("0.5", "0.2")
    assert "[default: 400]" in out, "the recipe's steps"
    assert "--views" not in out


def test_docstrings_are_read_field_by_field():
    class Base:
        """Title.

        shared, twin: of both,
        over two lines (hidden: a trap). other: third. Not: a field."""

    @dataclasses.dataclass
    class Child(Base):
        """Child. own: mine: really."""

        shared: int = 0
        twin: int = 0
        other: int = 0
        own: int = 0
        silent: int = 0

    both = "of both, over two lines (hidden: a trap)"
    assert meanings(Child) == {"shared": both, "twin": both, "other": "third. Not: a field", "own": "mine: really"}
