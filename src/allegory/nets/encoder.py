"""What every encoder is."""

from torch import nn


class Encoder(nn.Module):
    """(b, *shape) -> (b, out); `out` is the width of the flat output. `any_size`: reads images of other heights and widths too."""

    out: int
    any_size: bool = False
