"""What is to be told of an item (a class, several labels at once, a number), and what is known of it so far."""

import os
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from allegory.core import Misuse, Problem, nearest
from allegory.data import Attribute, Intake, Source, open_source
from allegory.data.kinds import as_attribute

Kind = Literal["class", "multi-label", "continuous"]
NO_OR_YES = ("0", "1")


@dataclass(frozen=True)
class Task:
    """What is told. `names`: of the classes, or of the labels that may hold at once; a number has none. Yes or no are two classes."""

    name: str
    kind: Kind
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise Problem(f"task: expected a kind among {', '.join(get_args(Kind))}, got {self.kind!r}")
        fewest, most = {"class": (2, np.inf), "multi-label": (1, np.inf), "continuous": (0, 0)}[self.kind]
        if not fewest <= len(self.names) <= most or len(set(self.names)) < len(self.names):
            raise Problem(f"{self.name!r}: {len(self.names)} names ({len(set(self.names))} different) do not make a {self.kind} task")

    @property
    def outputs(self) -> int:
        """How many numbers a reader gives for an item."""
        return max(1, len(self.names))

    def __str__(self) -> str:
        what = {"class": f"{len(self.names)} classes", "multi-label": f"{len(self.names)} labels, any of them at once"}.get(self.kind)
        return f"{self.name} ({what or 'a number'})"


@dataclass(frozen=True, eq=False)
class Target:
    """`values`: class numbers (n,) with -1 where missing, labels (n, k) of 0, 1 and -1, or numbers (n,) with NaN."""

    task: Task
    values: np.ndarray

    @property
    def known(self) -> Bool[np.ndarray, " n"]:
        """Which items have a value; of several labels, at least one."""
        known = np.isfinite(self.values) if self.task.kind == "continuous" else self.values >= 0
        return np.asarray(known.reshape(len(known), -1).any(1))

    def at(self, index: Int[np.ndarray, " m"]) -> Int[Tensor, "m *k"] | Float[Tensor, " m"]:
        """The values of these items, int64 or float64."""
        return torch.as_tensor(self.values[index])


def labelled(
    data: Any, labels: Any = None, like: Intake | None = None, attribute: str | None = None, **options: Any
) -> tuple[Source, Target]:
    """A source and the target that `labels` name in it.

    `labels`: the name of a label, factor or attribute that the data have; a column or key; "folders"; a csv of (id or path, value); one
    value for each item, None where it is not known; or an `Attribute`. A name may say its kind, as in "age:continuous". None: the label
    that the data have, or their only attribute. `like`: the intake that is to read the data. `attribute`: which one, where `labels` name
    several.
    Raises `Misuse` when it is not clear what is meant, `Problem` when the values tell nothing.
    """
    if isinstance(labels, str) and like is not None and labels.partition(":")[0] in [c.name for c in like.columns]:
        raise Misuse(f"the column {labels!r} was learned from, so telling it is no task; learn again with --labels {labels}")
    own = _names(data) if isinstance(data, Source) else []
    if isinstance(labels, (str, os.PathLike)) and os.fspath(labels) not in own:
        known = len(data.attributes) if isinstance(data, Source) else 0
        source = open_source(data, attributes=labels, like=like, **options)
        return source, target_of(_which(source.attributes[known:], attribute, os.fspath(labels)))
    source = open_source(data, like=like, **options)
    if labels is None or isinstance(labels, (str, os.PathLike)):
        return source, target_of(_which(source.targets, attribute if labels is None else os.fspath(labels), source.name))
    given = labels if isinstance(labels, Attribute) else as_attribute(attribute or "label", labels)
    if len(given) != len(source):
        raise Problem(f"{len(given)} labels for {len(source)} items of {source.name}; bring one for each, None where it is not known")
    return source, target_of(given)


def target_of(attribute: Attribute) -> Target:
    """The target of an attribute. Raises `Problem` when its known values are all alike, as there is nothing to tell then."""
    values, known = attribute.values, attribute.known
    if attribute.kind == "multi-label":
        alike = bool((values.max(0) < 1).all() or (np.where(values < 0, 1, values).min(0) == 1).all())
    else:
        alike = len(np.unique(values[known])) < 2
    if alike:
        raise Problem(f"{attribute.name!r}: all {int(known.sum())} known values are of one class or alike; expected at least two different")
    if attribute.kind == "class":
        used = np.unique(values[known])  # a class that no item shows cannot be told
        numbers = np.where(known, np.searchsorted(used, values), -1)
        return Target(Task(attribute.name, "class", tuple(attribute.names[i] for i in used)), numbers)
    if attribute.kind == "binary":
        return Target(Task(attribute.name, "class", NO_OR_YES), values)
    return Target(Task(attribute.name, attribute.kind, attribute.names), values)


def _names(source: Source) -> list[str]:
    return [a.name for a in source.targets]


def _which(found: tuple[Attribute, ...], name: str | None, where: str) -> Attribute:
    """The one of this name; without a name the label, or the only one there is."""
    names = [a.name for a in found]
    if name is not None and name not in names:
        raise nearest(name, names, "attribute")
    if not found:
        raise Misuse(f"{where} has no labels; pass --labels: a column, or a csv of (id or path, label)")
    called = [a for a in found if a.name == name or (name is None and a.name.lower() in ("label", "labels"))]
    if not called and len(found) > 1:
        raise Misuse(f"{where} has the attributes {', '.join(map(repr, names))}; say which one is to be told, with --attribute NAME")
    return (called or list(found))[0]
