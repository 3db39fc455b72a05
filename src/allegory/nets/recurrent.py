"""Recurrent nets: what is known now follows from what has been."""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.conv import Conv2d
from allegory.nets.raster import Autoregressive, Shape, Walk, laid_out, raster

Cell = Literal["lstm", "gru"]
Maps = Float[Tensor, "b out h w"]


class DownColumns(nn.Module):
    """A GRU (Cho et al. 2014) that runs down each column: (b, h, w, z) -> (b, h, w, out), row i from the rows 0 .. i of its column.

    A series is one column: (b, t, 1, z).
    """

    def __init__(self, size: int, out: int):
        super().__init__()
        self.gru = nn.GRU(size, out, batch_first=True)
        self.out = out

    def forward(self, z: Float[Tensor, "b h w z"]) -> Float[Tensor, "b h w out"]:
        b, h, w, _ = z.shape
        states: Tensor = self.gru(z.transpose(1, 2).reshape(b * w, h, -1))[0]
        return states.view(b, w, h, self.out).transpose(1, 2)


class _Memory(nn.Module):
    """One recurrent layer over times: (b, t, width) -> (b, t, width)."""

    def __init__(self, width: int, cell: Cell):
        super().__init__()
        self.cell = (nn.LSTM if cell == "lstm" else nn.GRU)(width, width, batch_first=True)

    def forward(self, x: Float[Tensor, "b t width"]) -> Float[Tensor, "b t width"]:
        return self.after(x, None)[0]

    def after(self, x: Float[Tensor, "b t width"], state: Any) -> tuple[Float[Tensor, "b t width"], Any]:
        """Its states from `state` on (None: from the beginning), and the last, to go on from."""
        states, last = self.cell(x, state)
        return states, last


class RasterRNN(Autoregressive):
    """Recurrent layers that run over the numbers of an image.

    A step is shown the number before, that of the pixel before in the same channel and those of the three pixels above, and the row,
    column and channel of the number that it foresees.
    """

    def __init__(self, shape: Shape, numbers: int, width: int, depth: int, cell: Cell):
        super().__init__(shape, numbers, width)
        c, h, w = shape
        # How far back, in raster order. At the left border "above to the left" is the end of the row before that: earlier all the same.
        self.back = sorted({o for o in (1, c, (w - 1) * c, w * c, (w + 1) * c) if o > 0})
        self.inward = nn.Linear(len(self.back), width)
        self.rows, self.columns, self.channels = (nn.Parameter(torch.zeros(n, width)) for n in (h, w, c))
        for places in (self.rows, self.columns, self.channels):
            nn.init.normal_(places, std=0.5)
        self.layers = nn.Sequential(*(_Memory(width, cell) for _ in range(depth)))
        self.outward = nn.Linear(width, numbers)

    def _shown(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d width"]:
        flat = raster(x)
        before = torch.stack([F.pad(flat, (o, 0))[:, : flat.shape[1]] for o in self.back], 2)  # (b, d, back)
        return self.inward(before) + self._places()

    def _places(self) -> Float[Tensor, "d width"]:
        return (self.rows[:, None, None] + self.columns[:, None] + self.channels).flatten(0, 2)

    def predicted(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        return laid_out(self.outward(self.layers(self._shown(x))), self.shape)

    def layers_of(self, x: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b out"]]:
        states, found = self._shown(x), []
        for layer in self.layers:
            states = layer(states)
            found.append(states.mean(1))
        return found

    def walk(self, rows: int) -> Walk:
        """The states are kept: a number costs one step of every layer."""
        del rows
        layers = [layer for layer in self.layers if isinstance(layer, _Memory)]
        places, states = self._places(), [None] * len(layers)

        def of(done: Float[Tensor, "b d"], i: int) -> Float[Tensor, "b numbers"]:
            before = torch.stack([done[:, i - o] if i >= o else torch.zeros_like(done[:, 0]) for o in self.back], 1)
            y = (self.inward(before) + places[i])[:, None]  # (b, 1, width)
            for k, layer in enumerate(layers):
                y, states[k] = layer.after(y, states[k])
            return self.outward(y[:, 0])

        return of


class ConvLSTM(nn.Module):
    """A cell of a convolutional LSTM (Shi et al. 2015, eq. 3, without peepholes): maps x and (h, c) -> the next (h, c).

    c' = sigmoid(f) c + sigmoid(i) tanh(g) and h' = sigmoid(o) tanh(c'), with (i, f, o, g) a convolution of x and h. It forgets little at
    first: the bias of f is 1.
    """

    def __init__(self, size: int, out: int):
        super().__init__()
        self.gates = Conv2d(size + out, 4 * out, 3, padding=1)
        with torch.no_grad():
            self.gates.bias[out : 2 * out].fill_(1.0)  # type: ignore[index]

    def forward(self, x: Float[Tensor, "b z h w"], before: tuple[Maps, Maps]) -> tuple[Maps, Maps]:
        h, c = before
        i, f, o, g = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
