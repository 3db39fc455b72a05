"""A grid: methods x settings x seeds x data, and the questions that are asked of each cell. A small YAML file, or a built-in one.

title: what it is for
data: [digits]
methods:
  BetaVAE: {beta: [1.0, 4.0], latent: [8]}     # every combination
  PCA: {latent: [8]}                            # solved in one step: one seed is enough
seeds: 3
steps: 1000
batch: 64
against: BetaVAE beta 1.0                       # every other setting is set beside this one, seed by seed; may be left out
questions: [mig, reconstruction, {efficiency: {counts: [10, 100]}}]
roles:                                          # which scores stand where on the page; all of these may be left out
  nature: [mig:mig]
  uses: [efficiency:lr_accuracy@100, fairness:unfairness]
  compression: compression:bits
  transfer: covariate_shift:accuracy_under_shift@linear
controls: [raw input, pca, untrained]           # asked beside each cell; none unless said
pictures:                                       # two scores drawn against each other, a mark a setting
  - {across: reconstruction:mse, up: efficiency:lr_accuracy@100}
"""

import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from allegory import methods, questions
from allegory.core import Method, Misuse, Problem, Solved, nearest, plain
from allegory.questions import Question
from allegory.questions.controls import chosen as controls_of
from allegory.questions.registry import find
from allegory.views import VIEWS

BUILT_IN = resources.files("allegory.studies") / "grids"
KEYS = ("title", "data", "methods", "seeds", "steps", "batch", "questions", "controls", "roles", "pictures", "against")
ROLES = ("nature", "uses", "compression", "transfer", "generality", "interpretability")
MOST_CELLS = 10_000
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Cell:
    """One training: `name` is its folder, `label` its method with the settings that vary, `family` its method's name."""

    name: str
    label: str
    family: str
    data: str
    method: Method[Any]
    seed: int
    steps: int | None = None
    batch: int | None = None


@dataclass(frozen=True)
class Against:
    """Two scores that are drawn against each other."""

    across: str
    up: str


@dataclass(frozen=True)
class Grid:
    """`methods`: (label, method) in order; `questions` with their settings; `roles`: names of scores, "question:metric", by role.

    `controls` are asked beside every cell; `pictures`: what is drawn against what; `against`: the label that all others
    are set beside.
    """

    name: str
    title: str
    data: tuple[str, ...]
    methods: tuple[tuple[str, Method[Any]], ...]
    seeds: int
    steps: int | None
    batch: int | None
    questions: tuple[Question, ...]
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    controls: tuple[str, ...] = ()
    pictures: tuple[Against, ...] = ()
    against: str | None = None

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every training, seeds last but outermost, so that a study that is stopped has something of everything."""
        found = []
        for seed, data, (label, method) in itertools.product(range(self.seeds), self.data, self.methods):
            solved = isinstance(method, Solved)
            if seed and solved:
                continue  # nothing is drawn in it: every seed gives the same
            steps, batch = (None, None) if solved else (self.steps, self.batch)
            key = json.dumps([data, plain.plain(method), seed, steps, batch], sort_keys=True)
            parts = (*((data,) if len(self.data) > 1 else ()), label, str(seed))
            slug = re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(parts)).strip("-.")[:80]
            name = f"{slug}-{hashlib.sha256(key.encode()).hexdigest()[:6]}"
            found.append(Cell(name, label, type(method).__name__, data, method, seed, steps, batch))
        return tuple(found)


def built_in() -> dict[str, str]:
    """The built-in grids: title by name."""
    names = sorted(f.name.removesuffix(".yaml") for f in BUILT_IN.iterdir() if f.name.endswith(".yaml"))
    return {name: read(name).title for name in names}


def read(asked: str) -> Grid:
    """The grid in a file, or a built-in one by its name. Raises `Problem` or `Misuse` with what is wrong in it."""
    path = Path(asked)
    named = BUILT_IN / f"{asked}.yaml"
    if re.fullmatch(r"[A-Za-z0-9_-]+", asked) and named.is_file():
        return parsed(named.read_text(encoding="utf-8"), asked)
    if not path.is_file():
        known = [f.name.removesuffix(".yaml") for f in BUILT_IN.iterdir() if f.name.endswith(".yaml")]
        raise Misuse(f"there is no file {asked} and no built-in grid of this name; built in: {', '.join(known)}")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Problem(f"{asked} is larger than 1 MiB; a grid is a small YAML file")
        return parsed(path.read_text(encoding="utf-8"), path.stem)
    except (OSError, UnicodeDecodeError) as e:
        raise Problem(f"cannot read {asked}: {e}") from e


def parsed(text: str, name: str) -> Grid:
    """The grid that a YAML text says."""
    try:
        said = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as e:
        raise Problem(f"the grid {name} is not YAML: {' '.join(str(e).split())}") from e
    if not isinstance(said, dict) or not {"data", "methods", "questions"} <= set(said):
        raise Problem(f"the grid {name} needs the keys data, methods and questions; it may have {', '.join(KEYS)}")
    for key in said:
        if key not in KEYS:
            raise nearest(str(key), list(KEYS), f"key of the grid {name}")
    made = Grid(
        name, str(said.get("title", name)), tuple(map(str, _listed(said["data"], "data"))), _methods(said["methods"]),
        _count(said.get("seeds", 1), "seeds"), _maybe(said.get("steps"), "steps"), _maybe(said.get("batch"), "batch"),
        tuple(_question(q) for q in _listed(said["questions"], "questions")), _roles(said.get("roles")),
        controls_of(tuple(map(str, _listed(said["controls"], "controls")))) if "controls" in said else (),
        tuple(map(_against, _listed(said["pictures"], "pictures"))) if "pictures" in said else (),
    )  # fmt: skip
    if (of := said.get("against")) is not None:
        made = dataclasses.replace(made, against=_label(of, made))
    total = made.seeds * len(made.data) * len(made.methods)
    if not 1 <= total <= MOST_CELLS:
        raise Misuse(f"the grid {name} has {total} cells; expected 1 to {MOST_CELLS:,}")
    return made


def _label(said: Any, grid: Grid) -> str:
    """The label of one of the grid's settings."""
    labels = [label for label, _ in grid.methods]
    if said not in labels:
        raise nearest(str(said), labels, f"setting of the grid {grid.name}")
    return str(said)


def _against(said: Any) -> Against:
    if not isinstance(said, dict) or set(said) != {"across", "up"}:
        raise Problem(f"pictures: expected {{across: a score, up: a score}}, got {said!r}")
    return Against(str(said["across"]), str(said["up"]))


def _listed(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Problem(f"{where}: expected a list, got {value!r}")
    return value


def _count(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Problem(f"{where}: expected a whole number above 0, got {value!r}")
    return value


def _maybe(value: Any, where: str) -> int | None:
    return None if value is None else _count(value, where)


def _methods(said: Any) -> tuple[tuple[str, Method[Any]], ...]:
    """Every combination of the values of every method, labelled by the fields that have several."""
    if not isinstance(said, dict) or not said:
        raise Problem(f"methods: expected names of methods with their settings, got {said!r}")
    found = []
    for name, fields in said.items():
        cls = methods.find(str(name))
        if fields is not None and not isinstance(fields, dict):
            raise Problem(f"methods: {name}: expected settings with lists of values, got {fields!r}")
        values = {str(k): v if isinstance(v, list) else [v] for k, v in (fields or {}).items()}
        for chosen in itertools.product(*values.values()):
            own = dict(zip(values, chosen, strict=True))
            label = " ".join([cls.__name__, *(f"{k} {v}" for k, v in own.items() if len(values[k]) > 1)])
            found.append((label, _restored(cls, own, Method, f"methods.{cls.__name__}")))
    return tuple(found)


def _question(said: Any) -> Question:
    """A question by name, or {name: settings}."""
    name, own = next(iter(said.items())) if isinstance(said, dict) and len(said) == 1 else (said, {})
    if not isinstance(name, str) or not isinstance(own, dict):
        raise Problem(f"questions: expected a name or a name with settings, got {said!r}")
    cls = find(name)
    made: Question = _restored(cls, own, Question, f"questions.{cls.card.name}")
    return made


def _restored(cls: type[Any], own: Mapping[str, Any], kind: type[Any], where: str) -> Any:
    known = {c.__name__: c for c in (*methods.classes(), *questions.registered().values())} | VIEWS
    return plain.restore({plain.KIND: cls.__name__, **own}, known | {cls.__name__: cls}, kind, where)


def _roles(said: Any) -> dict[str, tuple[str, ...]]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise Problem(f"roles: expected names with scores, got {said!r}")
    for role in said:
        if role not in ROLES:
            raise nearest(str(role), list(ROLES), "role")
    return {role: tuple(map(str, scores if isinstance(scores, list) else [scores])) for role, scores in said.items()}
