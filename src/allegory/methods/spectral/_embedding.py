"""What t-SNE and UMAP share: neighbours -> affinity -> places that attract along edges and repel everywhere; new items among old ones."""

import abc
import importlib
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Array, Code, Dice, Items, Misuse, Solved, Spec, needs
from allegory.measures import content
from allegory.measures.affinities import Affinity, Edges
from allegory.measures.dealing import alone
from allegory.measures.neighbours import nearest
from allegory.measures.principal import principal
from allegory.nets import Anchors

BLOCK = 1024
FEW = 5000  # items up to which two threads gain an eighth, and lose much where they must wait for each other
STEP = 2.0**-16  # a start is rounded to this share of its scale: no rounding error of a sum then reaches the places


class Places(Anchors):
    """Beside items and their places: `number` (n,), which of the training items each is."""

    number: Tensor

    def __init__(self, n: int, shape: tuple[int, ...], z: int):
        super().__init__(n, shape, z)
        self.register_buffer("number", torch.arange(n))


@dataclass(frozen=True)
class NeighbourEmbedding(Solved[Places]):
    """Codes are places whose neighbours are the items' own.

    latent: size of the code.
    """

    latent: int = 2

    @property
    @abc.abstractmethod
    def affinity(self) -> Affinity:
        """What neighbours weigh."""

    @abc.abstractmethod
    def arranged(self, edges: Edges, start: Float[Tensor, "n z"], dice: Dice) -> Float[Tensor, "n z"]:
        """The places of training items; `start` has mean 0 and its widest axis standard deviation 1."""

    @abc.abstractmethod
    def joined(self, net: Places, far: Float[Tensor, "b k"], near: Int[Tensor, "b k"]) -> Float[Tensor, "b z"]:
        """The places of new items, each for itself among places that stay. `far`: the distances to their nearest training items."""

    @property
    @abc.abstractmethod
    def among(self) -> int:
        """How many training items a new one looks at."""

    def peer(self, x: np.ndarray, seed: int) -> np.ndarray | None:
        """The places by another's implementation, or None for one's own."""
        del x, seed
        return None

    def build(self, spec: Spec, n: int) -> Places:
        assert isinstance(spec, Array)
        if self.latent < 1:
            raise Misuse(f"latent: expected at least 1, got {self.latent}")
        return Places(n, spec.shape, self.latent)

    def prepare(self, net: Places, items: Items, dice: Dice) -> None:
        x = items.whole().flatten(1).to(net.x.dtype)
        first, which = content.once(x)
        some = x[first]
        y = net.z.new_zeros(len(some), self.latent)
        if len(some) > 1:
            theirs = self.peer(some.cpu().numpy(), dice.root % 2**31)
            y = self._own(some, dice) if theirs is None else torch.as_tensor(theirs).to(y)
        number = which.argsort(stable=True)
        net.keep(x=x[number], z=y[which[number]], number=number)

    def _own(self, some: Float[Tensor, "m d"], dice: Dice) -> Float[Tensor, "m z"]:
        with alone() if len(some) <= FEW else nullcontext():
            far, near = nearest(some, self.affinity.neighbours(len(some)))
            edges = self.affinity.joined(self.affinity.seen(far.to(some.dtype)), near)
            return self.arranged(edges, plane(some, self.latent, dice).to(some.dtype), dice)

    def encode(self, net: Places, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        """A training item's own place; a new item's is where the objective falls no further while all others stay."""
        far, near = net.near(x.flatten(1), self.among)
        known = far[:, :1] == 0.0
        if bool(known.all()):
            return net.z[near[:, 0]]
        return torch.where(known, net.z[near[:, 0]], self.joined(net, far, near))

    def codes(self, net: Places, x: Float[Tensor, "b *d"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """place (b, z); nearest (b,), the number of the nearest training item; distance (b, 1) to it."""
        far, near = net.near(x.flatten(1), 1)
        every = {
            "nearest": lambda: Code(net.number[near[:, 0]], kind="index"),
            "distance": lambda: Code(far),
            "place": lambda: Code(self.encode(net, x)),
        }
        return {name: every[name]() for name in names or tuple(every)}


def plane(x: Float[Tensor, "n d"], z: int, dice: Dice) -> Float[Tensor, "n z"]:
    """Rows on their main axes, the widest of standard deviation 1; axes that the data lack get a little noise."""
    found = principal(lambda: iter(x.split(BLOCK)), len(x), x.shape[1], min(z, *x.shape))
    y = torch.cat([(rows.double() - found.mean) @ found.axes.T for rows in x.split(BLOCK)])
    noise = dice.rows(len(y)).normal("start", z).double()
    widest = y.std(0, correction=0).amax()
    y = torch.cat([y, y.new_zeros(len(y), z - y.shape[1])], 1) / widest if float(widest) > 0.0 else torch.zeros_like(noise)
    flat = y.std(0, correction=0) < 1e-6
    return (torch.where(flat, 0.01 * noise, y) / STEP).round() * STEP


def brought(module: str, package: str, what: str) -> Any:
    """A peer's module. Raises `Problem`, which names the extra, when it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise needs("manifold", package, what) from None
