"""A model that labels as a folder of its own: the same three files, and the same promises, as a representation's.

config.json holds what the representation's holds under "representation", and the task, the shapes of the heads and the calibration
beside it, each read by a closed schema; the tensors of the heads lie beside those of the network.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from allegory.adapting.adapted import Adapted, Calibration
from allegory.adapting.heads import Head, Shape
from allegory.adapting.target import Task
from allegory.adapting.tuning import Teller
from allegory.core import Method, Problem, plain
from allegory.representation import config, store

VERSION = 1
KEYS = {"allegory", "version", "representation", "task", "head", "spread", "calibration", "facts"}


@dataclass(frozen=True)
class Config:
    """What config.json says, understood."""

    rep: config.Config
    task: Task
    head: Shape
    spread: Shape | None
    calibration: Calibration
    facts: dict[str, Any]

    def build(self) -> dict[str, nn.Module]:
        """The nets without their numbers."""
        heads = {"head": self.head.build(), "spread": self.spread.build() if self.spread else None}
        return store.nets_of(self.rep) | {name: head for name, head in heads.items() if head is not None}


def save(adapted: Adapted, folder: Path) -> None:
    """Writes the folder, whole or not at all; an older model there is replaced, anything else is refused."""
    heads: dict[str, Head] = {"head": adapted.head} | ({"spread": adapted.spread} if adapted.spread is not None else {})
    said = {
        "allegory": "adapted", "version": VERSION, "representation": store.described(adapted.rep), "task": plain.plain(adapted.task),
        "head": plain.plain(adapted.head.shape), "spread": plain.plain(adapted.spread.shape) if adapted.spread is not None else None,
        "calibration": plain.plain(adapted.calibration), "facts": adapted.facts,
    }  # fmt: skip
    store.write(folder, said, {"model": adapted.rep.net, "intake": adapted.rep.intake, **heads})


def load(folder: Path, known: Sequence[type[Method[Any]]] = ()) -> Adapted:
    """Reads what `save` wrote. Raises `Problem` for anything else."""
    told, tensors = store.read(folder, lambda said: read(said, known))
    nets = store.filled(told.build, tensors)
    return Adapted(store.of(told.rep, nets), _head(nets, "head"), told.task, told.calibration, nets.get("spread"), told.facts)  # type: ignore[arg-type]


def read(data: Any, known: Sequence[type[Method[Any]]] = ()) -> Config:
    """The meaning of config.json's content. Raises `Problem` for anything unexpected."""
    if not isinstance(data, dict) or data.get("allegory") != "adapted":
        hint = "; it is a representation, so adapt it first: allegory adapt RUN --labels ..." if _is_representation(data) else ""
        raise Problem(f"config.json does not describe an adapted model of allegory{hint}")
    if data.get("version") != VERSION:
        raise Problem(f"config.json has format version {data.get('version')!r}, this allegory reads {VERSION}; use the one that wrote it")
    if set(data) != KEYS or not isinstance(data["facts"], dict):
        raise Problem(f"config.json: expected exactly {', '.join(sorted(KEYS))}; differing: {', '.join(sorted(set(data) ^ KEYS))}")
    task = _restored(data, "task", Task)
    head, spread = _restored(data, "head", Shape), None if data["spread"] is None else _restored(data, "spread", Shape)
    calibration = _restored(data, "calibration", Calibration)
    if head.outputs != task.outputs or (spread is not None and (spread.outputs, spread.inputs) != (1, head.inputs)):
        raise Problem(f"config.json: a head of {head.outputs} outputs does not tell {task}")
    if not (0 < calibration.temperature < math.inf and 0 <= calibration.radius < math.inf and 0 < calibration.level < 1):
        raise Problem(f"config.json: a calibration that is not possible: {calibration}")
    return Config(config.read(data["representation"], (*known, Teller)), task, head, spread, calibration, data["facts"])


def _restored(data: Mapping[str, Any], key: str, cls: type) -> Any:
    return plain.restore(data[key], {cls.__name__: cls}, cls, key)


def _is_representation(data: Any) -> bool:
    return isinstance(data, dict) and data.get("allegory") == "representation"


def _head(nets: Mapping[str, nn.Module], name: str) -> Head:
    head = nets[name]
    assert isinstance(head, Head)
    return head
