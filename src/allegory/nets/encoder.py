"""What every encoder is."""

from torch import nn


class Encoder(nn.Module):
    """(b, *shape) -> (b, out); `out` is the width of the flat output."""

    out: int
