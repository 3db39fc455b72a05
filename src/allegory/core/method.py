"""A method is a frozen dataclass of hyperparameters and a card. It owns no weights, data, optimiser, device or logger."""

import abc
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, runtime_checkable

import torch
from torch import nn

from allegory.core.card import Card
from allegory.core.dice import Dice
from allegory.core.moment import Moment, Player
from allegory.core.recipe import Batching, Recipe, Shuffled
from allegory.core.spec import Spec
from allegory.core.tree import Tree

N = TypeVar("N", bound=nn.Module)


@runtime_checkable
class Items(Protocol):
    """The training part as methods see it: float32 observations on the device (images in [-1, 1]), never labels."""

    spec: Spec

    def __len__(self) -> int: ...

    def take(self, index: Any) -> Tree:
        """The observations at `index` (a tensor or slice)."""
        ...

    def batches(self, size: int = 1024) -> Iterator[Tree]:
        """All observations in order."""
        ...

    def whole(self) -> Tree:
        """All observations at once."""
        ...


@runtime_checkable
class Views(Protocol):
    """How a batch is shown: a frozen, callable value that knows no loss."""

    def __call__(self, x: Tree, dice: Dice) -> Tree: ...


@dataclass(frozen=True)
class Method(abc.ABC, Generic[N]):
    """What `Solved` and `Trained` share."""

    card: ClassVar[Card]

    @property
    def reads_holes(self) -> bool:
        """Whether entries of an observation may be missing (NaN). Else what is missing in vectors is imputed before, and images with
        missing pixels are refused."""
        return False

    @abc.abstractmethod
    def build(self, spec: Spec, n: int) -> N:
        """The nets, untrained, for observations of `spec`; `n` counts the training items. The caller fences the randomness."""

    def resolved(self, spec: Spec, source: Any) -> Self:
        """This method with every field said that follows from the data (views, likelihood, number of classes)."""
        del spec, source
        return self

    def prepare(self, net: N, items: Items, dice: Dice) -> None:
        """Once, over the training part, before the first step: graphs, vocabularies, data-dependent initialisation."""


@dataclass(frozen=True)
class Solved(Method[N]):
    """A method without steps: `prepare` IS the learning, and fills buffers."""

    def alarms(self, net: N) -> dict[str, str]:
        """What is wrong with this solution, by name: the likely cause and the knob."""
        del net
        return {}


@dataclass(frozen=True)
class Trained(Method[N]):
    """A method that descends the losses of its players."""

    views: Any = field(default=None, kw_only=True)
    recipe: ClassVar[Recipe] = Recipe()

    @property
    def batching(self) -> Batching:
        """How batches are drawn."""
        return Shuffled()

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        """The views to use when none were given; None shows the observation itself. `source` knows what keeps its meaning."""
        del spec, source
        return None

    def resolved(self, spec: Spec, source: Any) -> Self:
        return self if self.views is not None else dataclasses.replace(self, views=self.default_views(spec, source))

    def recipe_for(self, spec: Spec) -> Recipe:
        """How to learn from observations of `spec` where nothing else is said: the recipe, unless a method knows better."""
        del spec
        return self.recipe

    @property
    def differing(self) -> int | None:
        """For a card whose supervision is pairs: in how many factors two items of a pair differ; None draws it anew for each."""
        return 1

    @abc.abstractmethod
    def players(self, net: N) -> Sequence[Player]:
        """Who moves what."""

    def after_step(self, net: N, now: Moment, memos: Mapping[str, Any]) -> None:
        """Teachers, queues, chains: the only other change of state. `memos` holds each player's last memo, in example order."""
        del net, now, memos

    def refresh(self, net: N, items: Items, now: Moment) -> None:
        """Every `every` steps, with the whole data again."""
        del net, items, now

    @property
    def every(self) -> float:
        """Steps between two calls of `refresh`."""
        return math.inf


def move_average(teacher: nn.Module, student: nn.Module, keep: float) -> None:
    """teacher <- keep * teacher + (1 - keep) * student, parameters and floating buffers; other buffers are copied."""
    with torch.no_grad():
        pairs = [*zip(teacher.parameters(), student.parameters(), strict=True), *zip(teacher.buffers(), student.buffers(), strict=True)]
        for t, s in pairs:
            t.lerp_(s.to(t.dtype), 1.0 - keep) if t.is_floating_point() else t.copy_(s)
