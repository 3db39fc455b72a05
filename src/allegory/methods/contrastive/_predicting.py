"""What the methods without negatives share: a student's projection of one view, through a predictor, should meet a target of the other."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from jaxtyping import Float
from torch import Tensor, nn

from allegory import measures, nets, views
from allegory.core import Batch, Loss, Moment, Player, Spec, Trained, Views, batch_mean
from allegory.methods.contrastive._joint import Codes


class PredictingNet(nn.Module):
    """A student f and g, and a predictor `q` of one hidden layer, which is `narrow` wide."""

    def __init__(self, student: nets.Projected, narrow: int):
        super().__init__()
        self.student = student
        self.q = nets.head((student.out, narrow, student.out), student.norm)


N = TypeVar("N", bound=PredictingNet)


@dataclass(frozen=True)
class Predicting(Trained[N]):
    """A family with two holes, `target` and `miss`.

    encoder: name of a net. hidden, projection: widths of the head.
    """

    encoder: str = "default"
    hidden: int = 256
    projection: int = 64

    @abc.abstractmethod
    def target(self, net: N, view: Any, z: Codes) -> Codes:
        """What the prediction from the other view is to meet, for a view whose projection by the student is `z`."""

    @abc.abstractmethod
    def miss(self, prediction: Codes, target: Codes) -> Float[Tensor, " b"]:
        """How far they are apart, one way; no gradient reaches the target. The loss is the mean over the batch, summed over both ways."""

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.Pair(views.augment(spec, source.mirror))

    def players(self, net: N) -> Sequence[Player]:
        return [Player("student", (net.student, net.q), partial(self._loss, net), additive=not nets.has_batch_statistics(net))]

    def _loss(self, net: N, batch: Batch, now: Moment) -> Loss:
        del now
        first, second = batch.views
        z_first, z_second = net.student(first), net.student(second)
        there = self.miss(net.q(z_first), self.target(net, second, z_second))
        back = self.miss(net.q(z_second), self.target(net, first, z_first))
        loss = batch_mean(there + back)
        return Loss(loss, {"regression": loss} | measures.pulse(z_first))

    def encode(self, net: N, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.student.body(x)
        return h
