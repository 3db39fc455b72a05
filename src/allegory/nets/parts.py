"""One net for each part of an observation that has several."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.encoder import Encoder


class PartsEncoder(Encoder):
    """Encodes every part by its own net and lays the codes side by side, in the order of the spec: dict -> (b, out)."""

    def __init__(self, nets: Mapping[str, Encoder]):
        super().__init__()
        self.names = tuple(nets)
        self.nets = nn.ModuleList(nets.values())
        self.out = sum(net.out for net in nets.values())

    def forward(self, x: Mapping[str, Tensor]) -> Float[Tensor, "b out"]:
        return torch.cat([net(x[name]) for name, net in zip(self.names, self.nets, strict=True)], 1)


class PartsDecoder(nn.Module):
    """Decodes every part from the whole code by its own net: (b, latent) -> dict."""

    def __init__(self, nets: Mapping[str, nn.Module]):
        super().__init__()
        self.names = tuple(nets)
        self.nets = nn.ModuleList(nets.values())

    def forward(self, z: Float[Tensor, "b latent"]) -> dict[str, Tensor]:
        return {name: net(z) for name, net in zip(self.names, self.nets, strict=True)}
