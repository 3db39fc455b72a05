"""What the methods that group all items again and again share: k-means of some codes, and when."""

import abc
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory import views
from allegory.core import Dice, Items, Moment, Spec, Trained, Views
from allegory.measures.clustering import kmeans

N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class Grouped(Trained[N]):
    """A family with one hole beside its net and players, `group`.

    clusters: how many groups. period: steps from one grouping to the next. points: how many items the centres are learned from.
    encoder: name of a net.
    """

    clusters: int = 100
    period: int = 100
    points: int = 8192
    encoder: str = "default"

    @abc.abstractmethod
    def group(self, net: N, items: Items, dice: Dice) -> None:
        """Groups all items by what the net makes of them now: into buffers."""

    @property
    def every(self) -> float:
        return self.period

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.augment(spec, source.mirror)

    def prepare(self, net: N, items: Items, dice: Dice) -> None:
        self.group(net, items, dice)

    def refresh(self, net: N, items: Items, now: Moment) -> None:
        self.group(net, items, now.dice)

    def groups_of(self, n: int) -> int:
        """How many of `n` items: never more than centres are learned from."""
        return min(self.clusters, self.points, n)


def drawn(n: int, size: int, dice: Dice, name: str) -> Int[Tensor, " m"]:
    """At most `size` of n items, in order, without repetition."""
    rng = np.random.default_rng(dice.split(name).root)
    chosen = np.arange(n) if n <= size else np.sort(rng.choice(n, size, replace=False))
    return dice.keys.new_tensor(chosen)


def centres(z: Float[Tensor, "m z"], k: int, dice: Dice, name: str) -> Float[Tensor, "k z"]:
    """By k-means from one start; on the CPU, where the same codes always give the same centres."""
    return kmeans(z.cpu(), k, np.random.default_rng(dice.split(name).root), starts=1).to(z)
