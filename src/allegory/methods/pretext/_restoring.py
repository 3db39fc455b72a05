"""What the reconstructing puzzles share: an encoder of what is shown, a decoder of what is missing, and the error on it."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor

from allegory import nets
from allegory.core import Batch, Loss, Moment, Player, Spec, Trained, batch_mean


@dataclass(frozen=True)
class Restoring(Trained[Any]):
    """A family with two holes: what is `shown` of the views, and the `error` of what the decoder gave.

    latent: size of the code; 0 takes the encoder's own output. encoder, decoder: names of nets.
    """

    latent: int = 0
    encoder: str = "default"
    decoder: str = "default"

    @abc.abstractmethod
    def shown(self, views: Any) -> Float[Tensor, "b *d"]:
        """What the encoder sees."""

    @abc.abstractmethod
    def error(self, net: Any, out: Float[Tensor, "b *e"], batch: Batch) -> Float[Tensor, " b"]:
        """The error of each example."""

    def build(self, spec: Spec, n: int) -> Any:
        del n
        return nets.Hourglass(spec, spec, self.latent, self.encoder, self.decoder)

    def players(self, net: Any) -> Sequence[Player]:
        return [Player("encoder", (net,), partial(self.restore, net), additive=not nets.has_batch_statistics(net))]

    def restore(self, net: Any, batch: Batch, now: Moment) -> Loss:
        """The mean error of the batch."""
        del now
        loss = batch_mean(self.error(net, net.decoder(net.f(self.shown(batch.views))), batch))
        return Loss(loss, {"error": loss})

    def encode(self, net: Any, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        z: Tensor = net.f(x)
        return z
