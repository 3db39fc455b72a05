"""Edges in place of colours."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allegory.views.colour import luma
from allegory.views.view import View


@dataclass(frozen=True)
class Sobel(View):
    """The Sobel derivatives of the grey image to the right and downwards, as 2 channels in [-1, 1]; the border is repeated.

    As DeepCluster (Caron et al. 2018) shows its images. Divided by 8, so that 1 is a step from black to white.
    """

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (2, *shape[1:])

    def show(self, x: Float[Tensor, "b c h w"], drawn: Any) -> Float[Tensor, "b 2 h w"]:
        del drawn
        grey = F.pad(luma(x), (1, 1, 1, 1), mode="replicate")
        down = grey[:, :, 2:] - grey[:, :, :-2]
        right = grey[..., 2:] - grey[..., :-2]
        across = right[:, :, :-2] + 2 * right[:, :, 1:-1] + right[:, :, 2:]
        along = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
        return torch.cat([across, along], 1) / 8
