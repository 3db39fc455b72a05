"""The rules of the design, read off the source: who imports whom, what is where, and what is nowhere."""

import ast
import builtins
import dis
import importlib.util
import inspect
import pkgutil
import subprocess
import sys
import types
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import allegory

ROOT = Path(allegory.__file__).parent
TESTS = Path(__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
NAMES = [str(f.relative_to(ROOT)) for f in FILES]

LAYERS = (
    "core", "data", "views", "objectives", "measures", "nets", "methods", "train", "representation", "questions", "adapting", "pages",
    "runs", "api", "studies", "checks", "cli",
)  # fmt: skip
FRONT = ("__init__", "__main__")  # the package's own face may import anything
UPWARD: dict[tuple[str, str], str] = {}  # (file, layer below it) that it imports all the same: the reason

LONGEST_FILE, LONGEST_FUNCTION = 400, 60
WINDOW, MOST_COPIED = 8, 0.02


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def aliases(path):
    """What each imported name stands for, in full: {"F": "torch.nn.functional", "randn": "torch.randn"}."""
    found = {}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {(a.asname or a.name.split(".")[0]): (a.name if a.asname else a.name.split(".")[0]) for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {(a.asname or a.name): f"{node.module}.{a.name}" for a in node.names}
    return found


def dotted(path, node):
    """The full name of a name or attribute, "torch.nn.functional.conv2d"; "" for anything else. A method of a value begins with "."."""
    if isinstance(node, ast.Name):
        return aliases(path).get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{dotted(path, node.value)}.{node.attr}"
    return ""


def used(path):
    """(full name, line) of every name and attribute in a file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, (ast.Name, ast.Attribute)):
            yield dotted(path, node), node.lineno


def calls(path):
    """(full name, call) of every call in a file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            yield dotted(path, node.func), node


def imported(path):
    """(layer, line) of every import of allegory in a file, inside functions too."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            full = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; write the full name"
            full = [f"{node.module}.{a.name}" for a in node.names]
        else:
            continue
        for name in full:
            first, *rest = name.split(".")
            if first == "allegory":
                yield (rest[0] if rest else "__init__"), node.lineno


def layer_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


each_file = pytest.mark.parametrize("path", FILES, ids=NAMES)


def test_every_part_of_the_package_is_a_layer():
    parts = {layer_of(f) for f in FILES} - set(FRONT)
    assert parts == set(LAYERS)


@each_file
def test_a_module_imports_only_what_stands_above_it(path):
    own = layer_of(path)
    if own in FRONT:
        return
    allowed = set(LAYERS[: LAYERS.index(own) + 1])
    name = str(path.relative_to(ROOT))
    wrong = [(part, line) for part, line in imported(path) if part in LAYERS and part not in allowed and (name, part) not in UPWARD]
    assert wrong == []


@each_file
def test_files_and_functions_are_short(path):
    assert len(path.read_text().splitlines()) < LONGEST_FILE
    functions = [n for n in ast.walk(parsed(path)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert [(f.name, f.end_lineno - f.lineno + 1) for f in functions if f.end_lineno - f.lineno + 1 >= LONGEST_FUNCTION] == []


LAYER_PREFIXES = ("Conv", "LazyConv", "BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm", "MultiheadAttention", "Transformer")
LAYER_FUNCTIONS = (
    "scaled_dot_product_attention",
    "batch_norm",
    "layer_norm",
    "group_norm",
    "instance_norm",
    "multi_head_attention_forward",
)


@each_file
def test_only_nets_makes_convolutions_attention_and_norms(path):
    if layer_of(path) == "nets":
        return
    modules = [(name, line) for name, line in used(path) if name.startswith("torch.nn.") and name.split(".")[2].startswith(LAYER_PREFIXES)]
    functions = [(name, line) for name, line in used(path) if name.split(".")[-1] in LAYER_FUNCTIONS]
    assert modules + functions == []


def test_public_functions_do_not_have_the_name_of_a_part():
    parts = {layer_of(f) for f in FILES}
    functions = {name for name in dir(allegory) if not name.startswith("_") and inspect.isfunction(getattr(allegory, name))}
    assert {"learn", "evaluate", "report"} <= functions
    assert functions & parts == set()


BANNED_MODULES = ("pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal", "joblib")
BANNED_CALLS = (
    "torch.load",
    "torch.save",
    "eval",
    "exec",
    "compile",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "numpy.fromstring",
)


@each_file
def test_nothing_is_unpickled_or_evaluated(path):
    modules = [name for name in aliases(path).values() if name.split(".")[0] in BANNED_MODULES]
    found = [(name, call.lineno) for name, call in calls(path) if name in BANNED_CALLS]
    loose = [
        (name, call.lineno)
        for name, call in calls(path)
        for k in call.keywords
        if k.arg in ("allow_pickle", "weights_only")
        and not (isinstance(k.value, ast.Constant) and k.value.value is (k.arg == "weights_only"))
    ]
    assert modules + found + loose == []


DRAWS = ("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "bernoulli", "multinomial", "poisson",
         "manual_seed", "seed", "set_rng_state")  # fmt: skip
DRAWN_IN_PLACE = (".uniform_", ".normal_", ".random_", ".bernoulli_", ".exponential_", ".cauchy_", ".geometric_", ".log_normal_")
SEEDED = ("default_rng", "Generator", "Philox", "PCG64", "SeedSequence", "RandomState", "BitGenerator")
FENCES = {
    "core/fence.py": "seeds the global generators and puts them back",
    "checks/purity.py": "reads the state of the global generators to compare it",
}


@each_file
def test_no_global_generator_is_used(path):
    if str(path.relative_to(ROOT)) in FENCES:
        return
    wrong = []
    for name, line in used(path):
        first, *rest = name.split(".")
        if name.startswith("numpy.random.") and rest[1] not in SEEDED:
            wrong.append((name, line))
        if first == "torch" and rest and rest[0] in DRAWS:
            wrong.append((name, line))
        if first == "random" == aliases(path).get(first) and rest:
            wrong.append((name, line))
    for name, call in calls(path):
        if name.startswith("numpy.random.") and name.split(".")[-1] in ("default_rng", "RandomState", "SeedSequence") and not call.args:
            wrong.append((f"{name} without a seed", call.lineno))
        if name.startswith(".") or name.split(".")[0] not in ("torch", "numpy"):
            wrong += [(name, call.lineno) for end in DRAWN_IN_PLACE if name.endswith(end)]
    assert wrong == []


WRITERS = (".write_text", ".write_bytes", ".to_csv", ".to_parquet", ".to_json", ".to_pickle", ".tofile")
WRITING = (
    "numpy.save",
    "numpy.savez",
    "numpy.savez_compressed",
    "numpy.savetxt",
    "json.dump",
    "yaml.dump_all",
    "safetensors.torch.save_file",
)


@each_file
def test_every_file_is_written_by_core_files(path):
    if str(path.relative_to(ROOT)) == "core/files.py":
        return
    wrong = []
    for name, call in calls(path):
        if name.endswith(WRITERS) or name in WRITING:
            wrong.append((name, call.lineno))
        nowhere = any(dotted(path, a) == "os.devnull" for a in call.args)
        if not nowhere and (name in ("open", "os.fdopen") or name.endswith(".open")):
            texts = [a.value for a in [*call.args, *(k.value for k in call.keywords)] if isinstance(a, ast.Constant)]
            modes = [t for t in texts if isinstance(t, str) and set(t) <= set("rwxabt+") and set(t) & set("wxa+")]
            wrong += [(f"{name} {mode!r}", call.lineno) for mode in modes]
    assert wrong == []


@each_file
def test_nothing_prints_but_the_command_line(path):
    if layer_of(path) not in ("cli", *FRONT):
        assert [call.lineno for name, call in calls(path) if name == "print"] == []


@each_file
def test_annotations_are_not_postponed_where_shapes_are_checked(path):
    shaped = any(name.split(".")[0] == "jaxtyping" for name in aliases(path).values())
    assert not (shaped and aliases(path).get("annotations") == "__future__.annotations")


@pytest.mark.parametrize("path", [f for f in FILES if layer_of(f) == "methods"], ids=lambda f: str(f.relative_to(ROOT)))
def test_every_method_has_its_test(path):
    parts = path.relative_to(ROOT).parts
    if len(parts) == 3 and not parts[2].startswith("_"):
        assert (TESTS / parts[0] / parts[1] / f"test_{parts[2]}").exists()


def test_torch_is_not_imported_before_it_is_needed():
    code = "import sys, allegory, allegory.cli; print(*{'torch', 'numpy', 'sklearn', 'scipy', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def own_lines(path):
    """(line number, stripped text) of a file without its imports and blank lines."""
    imports = {
        line for n in ast.walk(parsed(path)) if isinstance(n, (ast.Import, ast.ImportFrom)) for line in range(n.lineno, n.end_lineno + 1)
    }
    lines = enumerate(path.read_text().splitlines(), 1)
    return [(i, line.strip()) for i, line in lines if i not in imports and line.strip()]


def copied(files):
    """The share of lines that stand in a window of 8 lines which has been seen before, and where."""
    first, again, total = {}, {}, 0
    for path in files:
        lines = own_lines(path)
        total += len(lines)
        for at in range(len(lines) - WINDOW + 1):
            window = tuple(text for _, text in lines[at : at + WINDOW])
            place = first.setdefault(window, (path, at))
            if place != (path, at) and not (place[0] == path and at - place[1] < WINDOW):
                again |= {(path, lines[at + i][0]): place[0] for i in range(WINDOW)}
    return len(again) / total, Counter((str(p.name), str(q.name)) for (p, _), q in again.items())


def test_little_is_copied():
    share, places = copied(FILES)
    assert share <= MOST_COPIED, f"{share:.1%} of the lines are copied: {places.most_common(5)}"


def test_copies_are_found(tmp_path):
    a, b = tmp_path / "a.py", tmp_path / "b.py"
    body = "".join(f"x{i} = {i}\n" for i in range(10))
    a.write_text(f"import os\n{body}")
    b.write_text(f"{body}y = 1\n")
    share, places = copied([a, b])
    assert share == 10 / 21
    assert places == {("b.py", "a.py"): 10}


BROKEN = {
    test_a_module_imports_only_what_stands_above_it: ("core/a.py", "def f():\n    from allegory import train\n"),
    test_only_nets_makes_convolutions_attention_and_norms: ("methods/a.py", "from torch import nn\nx = nn.Conv2d(1, 1, 3)\n"),
    test_nothing_is_unpickled_or_evaluated: ("data/a.py", "import numpy as np\nx = np.load('a', allow_pickle=True)\n"),
    test_no_global_generator_is_used: ("views/a.py", "import torch as t\nx = t.randn(3)\n"),
    test_every_file_is_written_by_core_files: ("pages/a.py", "def f(path):\n    path.open('w')\n"),
    test_nothing_prints_but_the_command_line: ("train/a.py", "print(1)\n"),
    test_annotations_are_not_postponed_where_shapes_are_checked: (
        "nets/a.py",
        "from __future__ import annotations\nfrom jaxtyping import Float\n",
    ),
    test_files_and_functions_are_short: ("core/a.py", "def f():\n" + "    x = 1\n" * 60),
}


@pytest.mark.parametrize("rule", BROKEN, ids=lambda rule: rule.__name__)
def test_a_broken_rule_is_noticed(rule, tmp_path, monkeypatch):
    place, code = BROKEN[rule]
    path = tmp_path / place
    path.parent.mkdir()
    path.write_text(code)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    with pytest.raises(AssertionError):
        rule(path)


def undefined_names(module) -> list[str]:
    """Global names that the code of a module reads and nobody defines: what a linter that allows shaped types cannot see."""
    known, missing = {*vars(module), *vars(builtins)}, []
    todo = [compile(Path(module.__file__).read_text(), module.__file__, "exec")]
    while todo:
        code = todo.pop()
        todo += [c for c in code.co_consts if isinstance(c, types.CodeType)]
        used = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
        missing += [f"{module.__name__}.{code.co_name}: {name}" for name in sorted(used - known)]
    return missing


def test_no_name_is_undefined() -> None:
    names = [m.name for m in pkgutil.walk_packages(allegory.__path__, "allegory.") if m.name != "allegory.__main__"]
    assert [u for name in names for u in undefined_names(importlib.import_module(name))] == []


def test_an_undefined_name_is_found(tmp_path) -> None:
    (tmp_path / "slip.py").write_text("import math\n\ndef f(x):\n    return math.sin(x) + maths.cos(x)\n")
    spec = importlib.util.spec_from_file_location("slip", tmp_path / "slip.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert undefined_names(module) == ["slip.f: maths"]
