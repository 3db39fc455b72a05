"""The window of DRAW (Gregor et al. 2015, section 3.2): a grid of Gaussian filters that a gradient can move, widen and narrow."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Window:
    """N x N filters on pictures of h x w: `rows` (b, N, h) = F_Y and `columns` (b, N, w) = F_X; `gamma` (b,) is the intensity."""

    rows: Float[Tensor, "b n h"]
    columns: Float[Tensor, "b n w"]
    gamma: Float[Tensor, " b"]

    @staticmethod
    def of(numbers: Float[Tensor, "b 5"], n: int, h: int, w: int) -> "Window":
        """From (g~_X, g~_Y, log sigma^2, log delta~, log gamma) (eq. 21 to 26); zeros are a window that spans the picture."""
        g_x, g_y, log_var, log_delta, log_gamma = numbers.unbind(1)
        delta = log_delta.exp() * (max(h, w) - 1) / max(n - 1, 1)
        columns = filters((w + 1) / 2 * (g_x + 1), delta, log_var, n, w)
        rows = filters((h + 1) / 2 * (g_y + 1), delta, log_var, n, h)
        return Window(rows, columns, log_gamma.exp())

    def read(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c n n"]:
        """gamma F_Y x F_X^T (eq. 27)."""
        return self.gamma[:, None, None, None] * (self.rows[:, None] @ x @ self.columns[:, None].mT)

    def write(self, patch: Float[Tensor, "b c n n"]) -> Float[Tensor, "b c h w"]:
        """F_Y^T patch F_X / gamma (eq. 29)."""
        return self.rows[:, None].mT @ patch @ self.columns[:, None] / self.gamma[:, None, None, None]


def filters(
    centre: Float[Tensor, " b"], delta: Float[Tensor, " b"], log_var: Float[Tensor, " b"], n: int, size: int
) -> Float[Tensor, "b n size"]:
    """`n` Gaussians of this variance, `delta` pixels apart around `centre` (pixels count from 1), each summing to 1 over the picture.

    mu_i = centre + (i - n / 2 - .5) delta for i = 1 .. n (eq. 19); F[i, a] = exp(-(a - mu_i)^2 / (2 sigma^2)) / Z_i (eq. 25).
    """
    i, a = (torch.arange(1, m + 1, device=centre.device, dtype=centre.dtype) for m in (n, size))
    mu = centre[:, None] + (i - n / 2 - 0.5) * delta[:, None]  # (b, n)
    return torch.softmax(-0.5 * (a - mu[:, :, None]).square() * torch.exp(-log_var)[:, None, None], 2)
