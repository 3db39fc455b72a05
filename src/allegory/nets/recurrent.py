"""Recurrent nets: what is known now follows from what has been."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.conv import Conv2d

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
