"""What the joint-embedding methods share: two views of an item, an encoder with a head, and a loss that compares the two."""

import abc
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from allegory import measures, nets, views
from allegory.core import Batch, Loss, Moment, Player, Spec, Trained, Views

Codes = Float[Tensor, "b p"]


@dataclass(frozen=True)
class Joint(Trained[nets.Projected]):
    """A family with one hole, `contrast`.

    encoder: name of a net. hidden, projection: widths of the head (hidden 0: as wide as the code). depth: layers of the head.
    """

    encoder: str = "default"
    hidden: int = 0
    projection: int = 64
    depth: int = 2

    @abc.abstractmethod
    def contrast(self, first: Codes, second: Codes) -> Loss:
        """The loss of the projections of two views of the same items, row by row; it reaches the rows of all processes."""

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.Pair(views.augment(spec, source.mirror))

    def build(self, spec: Spec, n: int) -> nets.Projected:
        del n
        return nets.Projected(spec, self.encoder, self.hidden, self.projection, self.depth)

    def players(self, net: nets.Projected) -> Sequence[Player]:
        return [Player.comparing("encoder", (net,), partial(embedded, net), self._loss)]

    def _loss(self, z: Float[Tensor, "b 2 p"], batch: Batch, now: Moment) -> Loss:
        del batch, now
        loss = self.contrast(z[:, 0], z[:, 1])
        return dataclasses.replace(loss, terms={**loss.terms, **measures.pulse(z[:, 0])})

    def encode(self, net: nets.Projected, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.body(x)
        return h


def embedded(net: nets.Projected, batch: Batch, now: Moment) -> Float[Tensor, "b v p"]:
    """The projections of every view of a batch, each view with its own batch statistics.

    Views beyond the first two move no running statistic: they are smaller, and nothing like them is encoded later.
    """
    del now
    wholes, parts = batch.views[: views.GLOBALS], batch.views[views.GLOBALS :]
    z = [net(view) for view in wholes]
    with nets.frozen_statistics(net):
        z += [net(view) for view in parts]
    return torch.stack(z, 1)
