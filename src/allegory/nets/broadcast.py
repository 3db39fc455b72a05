"""The spatial broadcast decoder (Watters et al. 2019, arXiv:1901.07017): every place gets the whole code and its coordinates."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.conv import Conv2d
from allegory.nets.init import he


def coordinates(h: int, w: int) -> Float[Tensor, "2 h w"]:
    """x (left -1 to right 1), then y (top -1 to bottom 1), of every pixel."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
    return torch.stack([x, y])


class Broadcast(nn.Module):
    """(b, latent) -> (b, c, h, w), real-valued: no upsampling, so that position and content stay easy to tell apart."""

    places: Float[Tensor, "2 h w"]

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int = 64, depth: int = 3):
        super().__init__()
        channels, h, w = shape
        self.register_buffer("places", coordinates(h, w), persistent=False)
        widths = [latent + 2, *[width] * depth]
        self.layers = nn.Sequential(*(m for a, b in pairwise(widths) for m in (Conv2d(a, b, 3, padding=1), nn.ReLU())))
        he(self)
        self.last = Conv2d(width, channels, 3, padding=1)

    def forward(self, z: Float[Tensor, "b latent"]) -> Float[Tensor, "b c h w"]:
        h, w = self.places.shape[1:]
        tiled = z[:, :, None, None].expand(-1, -1, h, w)  # (b, latent, h, w)
        x = torch.cat([tiled, self.places.expand(z.shape[0], -1, -1, -1)], 1)  # (b, latent + 2, h, w)
        return self.last(self.layers(x))
