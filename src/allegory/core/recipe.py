"""How a method is published to be trained, and how batches are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from allegory.core.dice import splitmix64

Schedule = Literal["cosine", "constant"]
Classes = Sequence[np.ndarray]  # the items of each class that has some, by their numbers in the training part


@dataclass(frozen=True)
class Optim:
    """Settings of one optimiser; None means "not said here" (flag > player's > recipe > default)."""

    name: Literal["adamw", "sgd", "lars"] | None = None
    lr: float | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    betas: tuple[float, float] | None = None
    schedule: Schedule | None = None
    warmup: float | None = None
    clip: float | None = None

    def over(self, other: "Optim | None") -> "Optim":
        """These settings, and `other`'s where nothing is said here."""
        if other is None:
            return self
        said: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(other, **{k: v for k, v in said.items() if v is not None})


DEFAULT = Optim(name="adamw", lr=1e-3, weight_decay=1e-4, momentum=0.9, betas=(0.9, 0.999), schedule="cosine", warmup=0.05, clip=0.0)


@dataclass(frozen=True)
class Recipe:
    """Published settings, scaled to small data: `steps` and `batch` at a few thousand items, `optim` for every player."""

    steps: int = 2000
    batch: int = 128
    optim: Optim = Optim()
    note: str = ""


@runtime_checkable
class Batching(Protocol):
    """A pure function of (seed, step, turn): which training items make a batch."""

    def indices(self, n: int, size: int, seed: int, step: int, turn: int = 0, classes: Classes | None = None) -> np.ndarray:
        """(size,) int64 indices into the training part. `classes` are given to methods whose card says labels."""
        ...


def generator(seed: int, time: int, turn: int) -> np.random.Generator:
    """The randomness of one batch, or of one epoch."""
    return np.random.Generator(np.random.Philox(key=splitmix64(seed ^ splitmix64(time ^ splitmix64(turn)))))


@lru_cache(maxsize=8)
def _order(n: int, seed: int, epoch: int, turn: int) -> np.ndarray:
    """The shuffled order of one epoch."""
    return generator(seed, epoch, turn).permutation(n)


@dataclass(frozen=True)
class Shuffled:
    """Every item once an epoch, in a new order each epoch; an incomplete last batch is left out (its items come another epoch)."""

    def indices(self, n: int, size: int, seed: int, step: int, turn: int = 0, classes: Classes | None = None) -> np.ndarray:
        del classes
        size = min(size, n)
        epoch, at = divmod(step, n // size)
        return _order(n, seed, epoch, turn)[at * size : (at + 1) * size]


@dataclass(frozen=True)
class ByClass:
    """p classes and about `k` items of each, p = size / k: the batches of metric learning, where every item needs a partner.

    With fewer classes each gives more items. A class with fewer items than it is to give repeats some.
    """

    k: int = 4

    def indices(self, n: int, size: int, seed: int, step: int, turn: int = 0, classes: Classes | None = None) -> np.ndarray:
        assert classes is not None, "given to methods whose card says labels"
        size, dice = min(size, n), generator(seed, step, turn)
        p = max(1, min(len(classes), size // self.k))
        chosen = dice.permutation(len(classes))[:p]
        shares = np.full(p, size // p) + (np.arange(p) < size % p)
        drawn = [dice.choice(classes[c], share, replace=share > len(classes[c])) for c, share in zip(chosen, shares, strict=True)]
        return np.concatenate(drawn).astype(np.int64)
