"""The numbers of an image in raster order (row by row, pixel by pixel, the channels of a pixel in theirs), and nets that foresee each
from those before it."""

import abc
from collections.abc import Callable

from jaxtyping import Float, Shaped
from torch import Tensor

from allegory.nets.encoder import Encoder

Shape = tuple[int, int, int]
# Given the numbers in raster order (b, d) and i, what foresees number i, (b, numbers); called for i = 0, 1, 2 ..., and what lies before i
# does not change any more. What has been computed of it is kept from call to call.
Walk = Callable[[Tensor, int], Tensor]


def raster(x: Shaped[Tensor, "b c h w"]) -> Shaped[Tensor, "b d"]:
    """All numbers of each image in raster order."""
    return x.permute(0, 2, 3, 1).flatten(1)


def picture(flat: Shaped[Tensor, "b d"], shape: Shape) -> Shaped[Tensor, "b c h w"]:
    """The image whose numbers these are: undoes `raster`."""
    c, h, w = shape
    return flat.view(-1, h, w, c).permute(0, 3, 1, 2)


def laid_out(out: Float[Tensor, "b d numbers"], shape: Shape) -> Float[Tensor, "b k h w"]:
    """What was said of every number, as likelihoods read it: (b, numbers * c, h, w)."""
    c, h, w = shape
    return out.view(len(out), h, w, c, -1).permute(0, 4, 3, 1, 2).flatten(1, 2)


class Autoregressive(Encoder):
    """Says `numbers` of every number of an image of `shape`, from the numbers before it in raster order alone.

    Its code is the mean over all places of what the layer at `reads` knows. `out` is the width of all layers.
    """

    def __init__(self, shape: Shape, numbers: int, out: int, reads: int = -1):
        super().__init__()
        self.shape, self.numbers, self.out, self.reads = shape, numbers, out, reads

    @abc.abstractmethod
    def predicted(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        """What foresees every number, all at once: k = numbers * c, as likelihoods read it."""

    @abc.abstractmethod
    def walk(self, rows: int) -> Walk:
        """The same number by number, for as many images; every number costs as much work as any other, but for a look at the past."""

    @abc.abstractmethod
    def layers_of(self, x: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b out"]]:
        """The mean over all places after each layer, from the first."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        """All layers are run, also where the code is not the last: whoever listens to the stages hears them all."""
        return self.layers_of(x)[self.reads]
