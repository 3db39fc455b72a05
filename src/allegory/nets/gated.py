"""The gated PixelCNN (van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders): two stacks of convolutions that
together see all that is before a pixel, without a blind spot."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory.nets.init import he
from allegory.nets.masked import InOrder, below
from allegory.nets.raster import Autoregressive, Shape, Walk


def gated(x: Float[Tensor, "b k h w"]) -> Float[Tensor, "b p h w"]:
    """tanh of the first half of the channels times the logistic of the second (eq. 2)."""
    features, gates = x.chunk(2, dim=1)
    return torch.tanh(features) * torch.sigmoid(gates)


class GatedLayer(nn.Module):
    """One layer of both stacks (fig. 2), side by side as channels: (b, 2 before, h, w) -> (b, 2 width, h, w), vertical then horizontal.

    Vertical: the rows up to this one, `kernel` columns wide. Horizontal: this row up to this pixel, and the vertical stack of the row
    above. `first`: the pixel itself is hidden but for the channels before; else the horizontal stack adds to what it was given.
    """

    def __init__(self, before: Int[Tensor, " m"], own: Int[Tensor, " p"], kernel: int, first: bool):
        super().__init__()
        width, self.reach, self.first = len(own), kernel // 2, first
        self.vertical = nn.Conv2d(len(before), 2 * width, (self.reach + 1, 2 * self.reach + 1))
        self.link = nn.Conv2d(2 * width, 2 * width, 1)
        self.horizontal = InOrder(before, own.repeat(2), self.reach + 1, itself=not first)
        self.merge = InOrder(own, own)

    def forward(self, stacks: Float[Tensor, "b m h w"]) -> Float[Tensor, "b k h w"]:
        v, h = stacks.chunk(2, dim=1)
        down = self.vertical(F.pad(below(v, self.reach), (self.reach, self.reach)))
        across = self.across(F.pad(h, (self.reach, 0)), below(down, 1)[:, :, :-1])
        return torch.cat([gated(down), across], 1)

    def across(self, h: Float[Tensor, "b m rows wide"], above: Float[Tensor, "b k rows w"]) -> Float[Tensor, "b p rows w"]:
        """The horizontal stack: `h` with `reach` columns to the left, `above` what the vertical one found one row above, ungated."""
        y = self.merge(gated(self.horizontal(h) + self.link(above)))
        return y if self.first else y + h[..., self.reach :]


class GatedPixels(Autoregressive):
    """Gated layers, and two 1x1 convolutions with ReLUs from the horizontal stack.

    The first layer reaches `first` // 2 pixels, each other one `kernel` // 2. The channels of every map are shared out among those of
    the picture in order, so that green sees red, and blue both.
    """

    def __init__(self, shape: Shape, numbers: int, width: int, depth: int, kernel: int, first: int):
        super().__init__(shape, numbers, 2 * width, reads=depth // 2)
        c = shape[0]
        pixel, own = torch.arange(c), torch.arange(width) * c // width
        layers = [GatedLayer(pixel, own, first, first=True), *(GatedLayer(own, own, kernel, first=False) for _ in range(depth))]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.ReLU(), InOrder(own, own), nn.ReLU())
        he(self)
        self.last = InOrder(own, pixel.repeat(numbers))

    def said(self, h: Float[Tensor, "b p h w"]) -> Float[Tensor, "b k h w"]:
        """What the last horizontal stack tells of every number."""
        return self.last(self.head(h))

    def predicted(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        return self.said(self.layers(torch.cat([x, x], 1)).chunk(2, dim=1)[1])

    def layers_of(self, x: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b out"]]:
        stacks, found = torch.cat([x, x], 1), []
        for layer in self.layers:
            stacks = layer(stacks)
            found.append(stacks.mean((2, 3)))
        return found

    def walk(self, rows: int) -> Walk:
        return _Walk(self, rows)


class _Walk:
    """Every layer keeps the last rows of its vertical stack, and this row of its horizontal one: a row costs the vertical stack once over
    its columns, and a number the horizontal stack at its pixel."""

    def __init__(self, net: GatedPixels, rows: int):
        _, _, w = net.shape
        self.net, self.layers = net, [layer for layer in net.layers if isinstance(layer, GatedLayer)]
        self.rows, self.line, self.above = [], [], []
        for layer in self.layers:
            blank, reach, m = layer.vertical.weight.new_zeros, layer.reach, layer.vertical.in_channels
            self.rows.append(blank(rows, m, reach, w + 2 * reach))
            self.line.append(blank(rows, m, 1, reach + w))
            self.above.append(blank(rows, layer.vertical.out_channels, 1, w))

    def __call__(self, done: Float[Tensor, "b d"], i: int) -> Float[Tensor, "b numbers"]:
        c, h, w = self.net.shape
        (row, column), channel = divmod(i // c, w), i % c
        image = done.view(-1, h, w, c)
        if column == channel == 0:
            self._next_row(image[:, row - 1] if row else None)
        y = image[:, row, column, :, None, None]  # (b, c, 1, 1)
        for layer, line, above in zip(self.layers, self.line, self.above, strict=True):
            line[..., layer.reach + column] = y[..., 0]
            y = layer.across(line[..., column : layer.reach + column + 1], above[..., column : column + 1])
        return self.net.said(y).view(len(y), -1, c)[:, :, channel]

    def _next_row(self, last: Float[Tensor, "b w c"] | None) -> None:
        """What the vertical stack says of the row that is complete now, where there is one. The lines need no clearing: what is read of
        them is the border and what this row has written."""
        if last is None:
            return
        v = last.transpose(1, 2)[:, :, None]  # (b, c, 1, w)
        for k, layer in enumerate(self.layers):
            tall = torch.cat([self.rows[k], F.pad(v, (layer.reach, layer.reach))], 2)
            self.rows[k], self.above[k] = tall[:, :, 1:], layer.vertical(tall)
            v = gated(self.above[k])
