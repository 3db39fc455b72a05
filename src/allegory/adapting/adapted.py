"""A model that labels: a representation, a head that reads its codes, and what makes its answers mean what they say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from allegory.adapting.calibration import probabilities
from allegory.adapting.heads import Head
from allegory.adapting.target import Task
from allegory.core import Method, Misuse, Problem
from allegory.representation import Representation
from allegory.representation.reading import as_stored
from allegory.representation.representation import CHUNK


@dataclass(frozen=True)
class Calibration:
    """`temperature` divides the logits of classes and labels; `radius` times the spread of an item is half the width of its interval,
    which holds the number with probability `level`."""

    temperature: float = 1.0
    radius: float = 0.0
    level: float = 0.9


@dataclass(frozen=True, eq=False)
class Told:
    """What is told of a batch. Classes and labels: `values` (b, k) probabilities. Numbers: `values` (b, 1), `low` and `high` (b,).

    `doubt` (b,): how unsure it is, to sort by. One minus the probability of the class; of several labels, that of the least certain one
    times two (1 is a coin); of numbers, the width of the interval.
    """

    values: Float[np.ndarray, "b k"]
    doubt: Float[np.ndarray, " b"]
    low: Float[np.ndarray, " b"] | None = None
    high: Float[np.ndarray, " b"] | None = None


@dataclass(frozen=True, eq=False)
class Adapted:
    """Tells the `task` of new items. `x` is always data as stored: a source, an array, a table, a path, as for `Representation`.

    `spread`: for numbers, a head whose output is the log of how far it is wrong about an item. `facts`: JSON values; how it was
    chosen, calibrated and measured.
    """

    rep: Representation
    head: Head = field(repr=False)
    task: Task
    calibration: Calibration
    spread: Head | None = field(default=None, repr=False)
    facts: dict[str, Any] = field(default_factory=dict, repr=False)

    def stream(self, x: Any, batch: int = CHUNK) -> Iterator[Told]:
        """What is told of every item, batch by batch, for data of any size."""
        for z in self.rep.stream(as_stored(x, self.rep.intake), batch):
            yield self.told(z)

    def told(self, z: Float[np.ndarray, "b d"]) -> Told:
        """What is told of codes."""
        codes = torch.as_tensor(z)
        if codes.shape[1] != self.head.shape.inputs:
            raise Problem(f"the model is damaged: its codes have {codes.shape[1]} numbers, its head reads {self.head.shape.inputs}")
        with torch.no_grad():
            outputs = self.head(codes)
            if self.task.kind != "continuous":
                p = probabilities(outputs, self.task.kind, self.calibration.temperature).numpy()
                return Told(p, 1.0 - p.max(1) if self.task.kind == "class" else 2.0 * np.minimum(p, 1.0 - p).max(1))
            values = outputs.numpy()
            wide = torch.exp(self.spread(codes)[:, 0]).numpy() if self.spread is not None else np.ones(len(values))
        half = self.calibration.radius * wide
        return Told(values, 2.0 * half, values[:, 0] - half, values[:, 0] + half)

    def predict(self, x: Any, batch: int = CHUNK) -> np.ndarray:
        """The name of the class of every item (n,), its number (n,) float64, or its labels (n, k) bool in the order of `task.names`."""
        parts = list(self.stream(x, batch))
        values = np.concatenate([t.values for t in parts])
        if self.task.kind == "class":
            return np.array(self.task.names)[values.argmax(1)]
        return values[:, 0] if self.task.kind == "continuous" else values > 0.5

    def predict_proba(self, x: Any, batch: int = CHUNK) -> Float[np.ndarray, "n k"]:
        """Calibrated probabilities of classes (rows add to 1) or of labels, in the order of `task.names`. `Misuse` for a number."""
        if self.task.kind == "continuous":
            raise Misuse(f"{self.task.name!r} is a number and has no probabilities; see predict_interval")
        return np.concatenate([t.values for t in self.stream(x, batch)])

    def predict_interval(self, x: Any, batch: int = CHUNK) -> Float[np.ndarray, "n 2"]:
        """An interval for the number of every item, that holds it with probability `calibration.level`. `Misuse` for classes."""
        if self.task.kind != "continuous":
            raise Misuse(f"{self.task.name!r} is no number; see predict_proba")
        ends = [(t.low, t.high) for t in self.stream(x, batch) if t.low is not None and t.high is not None]
        return np.concatenate([np.stack(pair, 1) for pair in ends])

    def save(self, folder: Path | str) -> None:
        """Writes `folder`: config.json, model.safetensors, manifest.json; whole or not at all, and enough by itself."""
        from allegory.adapting import store

        store.save(self, Path(folder))

    @staticmethod
    def load(folder: Path | str, known: Sequence[type[Method[Any]]] = ()) -> "Adapted":
        """Reads what `save` wrote; anything else, and any flipped bit, raises `Problem`. `known`: methods that no package registers."""
        from allegory.adapting import store

        return store.load(Path(folder), known)
