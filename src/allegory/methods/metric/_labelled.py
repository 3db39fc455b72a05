"""What metric learning shares: batches of some classes and some items of each, and a loss that judges the codes by the classes."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from allegory import nets, views
from allegory.core import Batch, Batching, ByClass, Loss, Moment, Player, Spec, Trained, Views

Codes = Float[Tensor, "b p"]
Classes = Int[Tensor, " b"]
Judge = Callable[[Codes, Classes, Moment], Loss]


@dataclass(frozen=True)
class Labelled(Trained[nets.Projected]):
    """A family with one hole, `judge`. The code is the embedding above the head, in which distances mean something.

    encoder: name of a net. hidden, projection: widths of the head (hidden 0: as wide as the net's output). depth: layers of the head
    (0: none). k: items of each class in a batch.
    """

    encoder: str = "default"
    hidden: int = 0
    projection: int = 64
    depth: int = 1
    k: int = 4

    sphere: ClassVar[bool] = False  # whether the loss compares directions only; the code then has length 1

    @abc.abstractmethod
    def judge(self, net: Any, z: Codes, y: Classes, now: Moment) -> Loss:
        """The loss of the embeddings and their classes; it reaches the rows of all processes. With several views, their rows alternate."""

    @property
    def batching(self) -> Batching:
        return ByClass(self.k)

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.mild(spec, source.mirror)

    def build(self, spec: Spec, n: int) -> nets.Projected:
        del n
        return nets.Projected(spec, self.encoder, self.hidden, self.projection, self.depth)

    def players(self, net: nets.Projected) -> Sequence[Player]:
        return [judged_player(net, partial(self.judge, net))]

    def encode(self, net: nets.Projected, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        z: Tensor = net(x)
        return F.normalize(z, dim=1) if self.sphere else z


def judged_player(net: nn.Module, judge: Judge) -> Player:
    """One player: `net` embeds every view of an item, `judge` compares all of them."""

    def embed(batch: Batch, now: Moment) -> Float[Tensor, "b v p"]:
        del now
        shown = batch.views if isinstance(batch.views, tuple) else (batch.views,)
        return torch.stack([net(view) for view in shown], 1)

    def loss_of(z: Float[Tensor, "b v p"], batch: Batch, now: Moment) -> Loss:
        assert batch.y is not None, "the card says labels"
        return judge(z.flatten(0, 1), batch.y.repeat_interleave(z.shape[1]), now)

    return Player.comparing("encoder", (net,), embed, loss_of)
