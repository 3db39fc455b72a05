"""Whatever gives codes, as a function of stored observations: a method with its net, the raw input, somebody else's function."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allegory import views
from allegory.core import Array, Dice, Problem, Tree, tree
from allegory.data import Intake
from allegory.representation import at_rest

RAW = 3072  # numbers of an item that the raw input keeps: a 32 x 32 image with three channels


@runtime_checkable
class Encoder(Protocol):
    """`codes` of stored observations (numpy trees); `pair`: codes of two views of each, or None when it cannot encode views."""

    def codes(self, stored: Tree) -> Float[Tensor, "b z"]: ...

    def pair(self, stored: Tree, dice: Dice) -> tuple[Tensor, Tensor] | None: ...


@dataclass(frozen=True, eq=False)
class Seeing:
    """An encoder of what methods see: `f` takes float32 observations through the intake; `nets` rest meanwhile."""

    f: Callable[[Tree], Tensor]
    intake: Intake
    view: views.View | None
    nets: Sequence[nn.Module] = ()
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32

    def codes(self, stored: Tree) -> Float[Tensor, "b z"]:
        with at_rest(self.intake, *self.nets):
            return self._out(self.f(self._seen(stored)))

    def pair(self, stored: Tree, dice: Dice) -> tuple[Tensor, Tensor] | None:
        if self.view is None:
            return None
        with at_rest(self.intake, *self.nets):
            one, two = views.Pair(self.view)(self._seen(stored), dice.to(self.device))
            return self._out(self.f(one)), self._out(self.f(two))

    def _seen(self, stored: Tree) -> Tree:
        return tree.to(self.intake(tree.to(stored, self.device)), self.device, self.dtype)

    def _out(self, z: Tensor) -> Tensor:
        return z.detach().to("cpu", torch.float32).flatten(1)


@dataclass(frozen=True, eq=False)
class Foreign:
    """Somebody else's function of stored observations."""

    f: Callable[[Any], Any]

    def codes(self, stored: Tree) -> Float[Tensor, "b z"]:
        z = self.f(stored)
        z = z.detach().cpu() if isinstance(z, Tensor) else torch.as_tensor(np.asarray(z))
        if len(z) != tree.length(stored):
            raise Problem(f"the encoder gave {len(z)} codes for {tree.length(stored)} items; expected one code an item")
        return z.to(torch.float32).reshape(len(z), -1)

    def pair(self, stored: Tree, dice: Dice) -> None:
        del stored, dice


def encoder_of(method: Any, net: nn.Module, intake: Intake, view: views.View | None) -> Seeing:
    """A method with a net, trained or not."""
    first = next((t for t in (*net.parameters(), *net.buffers()) if t.is_floating_point()), torch.empty(0))
    return Seeing(lambda x: method.encode(net, x), intake, view, (net,), first.device, first.dtype)


def raw_input(x: Tree) -> Float[Tensor, "b d"]:
    """What methods see, flattened, with 0 (the mean of vectors) for what is missing. Images of more than 3072 numbers are averaged down
    first, vectors projected at random (Johnson and Lindenstrauss 1984), so that a raw input of any size can be probed."""
    return torch.cat([_small(leaf.float().masked_fill(leaf.isnan(), 0.0)) for leaf in tree.leaves(x)], 1)


def _small(x: Tensor) -> Tensor:
    size = x[0].numel()
    if size <= RAW:
        return x.flatten(1)
    if x.ndim == 4:
        sides = _sides(x.shape[1:])
        return F.adaptive_avg_pool2d(x, sides).flatten(1)
    rows = Dice.roll(0, 0, torch.arange(size, device=x.device), "raw input")
    return x.flatten(1) @ rows.normal("projection", RAW) / RAW**0.5


def _sides(shape: Sequence[int]) -> tuple[int, int]:
    """The height and width to which images of shape (c, h, w) are averaged."""
    share = (RAW / math.prod(shape)) ** 0.5
    return max(1, int(shape[1] * share)), max(1, int(shape[2] * share))


def shrunk(spec: Any) -> str:
    """What `raw_input` does to observations of `spec`, when it does not take them whole; else ""."""
    if not isinstance(spec, Array) or spec.size <= RAW:
        return ""
    if spec.is_image:
        height, width = _sides(spec.shape)
        return f"raw input: images averaged to {height} x {width}, so that they can be probed"
    return f"raw input: {spec.size} numbers projected at random to {RAW}, so that they can be probed"
