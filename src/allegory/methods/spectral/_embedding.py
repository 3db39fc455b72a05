"""What t-SNE and UMAP share: neighbours -> affinity -> places that attract along edges and repel everywhere; new items among old ones."""

import abc
import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Array, Code, Dice, Items, Misuse, Solved, Spec, needs
from allegory.measures.affinities import Affinity, Edges
from allegory.measures.neighbours import nearest
from allegory.methods.spectral.pca import PCA
from allegory.nets import Anchors

STEP = 2.0**-16  # a start is rounded to this share of its scale: no rounding error of a sum then reaches the places


@dataclass(frozen=True)
class NeighbourEmbedding(Solved[Anchors]):
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
    def joined(self, net: Anchors, far: Float[Tensor, "b k"], near: Int[Tensor, "b k"]) -> Float[Tensor, "b z"]:
        """The places of new items, each for itself among places that stay. `far`: the distances to their nearest training items."""

    @property
    @abc.abstractmethod
    def among(self) -> int:
        """How many training items a new one looks at."""

    def peer(self, x: np.ndarray, seed: int) -> np.ndarray | None:
        """The places by another's implementation, or None for one's own."""
        del x, seed
        return None

    def build(self, spec: Spec, n: int) -> Anchors:
        assert isinstance(spec, Array)
        if self.latent < 1:
            raise Misuse(f"latent: expected at least 1, got {self.latent}")
        return Anchors(n, spec.shape, self.latent)

    def prepare(self, net: Anchors, items: Items, dice: Dice) -> None:
        x = items.whole().flatten(1).to(net.x.dtype)
        first, which = once(x)
        some = x[first]
        y = net.z.new_zeros(len(some), self.latent)
        if len(some) > 1:
            theirs = self.peer(some.cpu().numpy(), dice.root % 2**31)
            y = self._own(items, some, first, dice) if theirs is None else torch.as_tensor(theirs).to(y)
        net.keep(x=x, z=y[which])

    def _own(self, items: Items, some: Float[Tensor, "m d"], first: Int[Tensor, " m"], dice: Dice) -> Float[Tensor, "m z"]:
        far, near = nearest(some, self.affinity.neighbours(len(some)))
        edges = self.affinity.joined(self.affinity.seen(far.to(some.dtype)), near)
        return self.arranged(edges, plane(items, self.latent, dice)[first].to(some.dtype), dice)

    def encode(self, net: Anchors, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        """A training item's own place; a new item's is where the objective falls no further while all others stay."""
        far, near = net.near(x.flatten(1), self.among)
        known = far[:, :1] == 0.0
        if bool(known.all()):
            return net.z[near[:, 0]]
        return torch.where(known, net.z[near[:, 0]], self.joined(net, far, near))

    def codes(self, net: Anchors, x: Float[Tensor, "b *d"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """place (b, z); nearest (b,), the number of the nearest training item; distance (b, 1) to it."""
        far, near = net.near(x.flatten(1), 1)
        every = {
            "nearest": lambda: Code(near[:, 0], kind="index"),
            "distance": lambda: Code(far),
            "place": lambda: Code(self.encode(net, x)),
        }
        return {name: every[name]() for name in names or tuple(every)}


def once(x: Float[Tensor, "n d"]) -> tuple[Int[Tensor, " m"], Int[Tensor, " n"]]:
    """Where each different row stands first, in their order, and the number of every row's among them."""
    rows = np.ascontiguousarray(x.cpu().numpy() + 0.0)  # -0.0 is 0.0
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, first, which = np.unique(whole, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return torch.as_tensor(first[order], device=x.device), torch.as_tensor(place[which.ravel()], device=x.device)


def plane(items: Items, z: int, dice: Dice) -> Float[Tensor, "n z"]:
    """The items on their main axes, the widest of standard deviation 1; axes that the data lack get a little noise."""
    pca = PCA(latent=z)
    net = pca.build(items.spec, len(items)).double().to(items.take(slice(0, 1)).device)
    pca.prepare(net, items, dice)
    y = torch.cat([pca.encode(net, x.double()) for x in items.batches()])
    y = y - y.mean(0)
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
