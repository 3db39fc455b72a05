"""Recurrent nets: what is known now follows from what has been."""

from jaxtyping import Float
from torch import Tensor, nn


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
