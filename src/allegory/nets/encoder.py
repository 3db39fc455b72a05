"""What every encoder is."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.core import Misuse


class Encoder(nn.Module):
    """(b, *shape) -> (b, out); `out` is the width of the flat output. `any_size`: reads images of other heights and widths too.

    Encoders of images that keep places until their last layer also give their intermediate maps: `net(x) = net.read(net.maps(x)[-1])`.
    """

    out: int
    any_size: bool = False

    def maps(self, x: Float[Tensor, "b *shape"]) -> tuple[Tensor, ...]:
        """The last map (b, c, h, w) of each size, from fine to coarse. Raises `Misuse` where there are none."""
        del x
        raise Misuse(f"{type(self).__name__} gives no maps of places; take a convolutional encoder, such as convnet or resnet18")

    def read(self, coarsest: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        """The code, from the last map."""
        # As a mean over rows, whose gradient keeps the channels side by side in memory; that of mean((2, 3)) does not.
        return coarsest.permute(0, 2, 3, 1).flatten(1, 2).mean(1)

    def map_shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The shapes (c, h, w) of the maps of an observation of `shape`; no running statistic moves."""
        was, like = self.training, next(self.parameters())
        try:
            with torch.no_grad():
                return [tuple(m.shape[1:]) for m in self.eval().maps(like.new_zeros(1, *shape))]
        finally:
            self.train(was)


def last_of_each_size(layers: Iterable[nn.Module], x: Float[Tensor, "b c h w"]) -> tuple[Tensor, ...]:
    """What `layers` in a row make of `x`: the last result of every height and width, in their order."""
    found: dict[tuple[int, ...], Tensor] = {}
    for layer in layers:
        x = layer(x)
        found[tuple(x.shape[2:])] = x
    return tuple(found.values())
